"""What a load balancer or a watchdog asks: is this web process able to work?

/healthz answers within 200 ms whatever happens to the database, so the asking is done in threads that
nobody waits for longer than that. There is at most one thread per question: while one hangs, the answer
is "timeout" without asking again.
"""

import threading
import time
from collections.abc import Callable

import psycopg
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ops import broker

_ANSWER_WITHIN_SECONDS = 0.15  # the rest of the 200 ms is for the request itself
_STARTED = time.monotonic()


class Question:
    """Something to ask outside, of which at most one asking is under way."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    def put(self) -> "_Asking":
        """Begin to ask, or join whoever is asking already."""
        with self._lock:
            if self._asking is None or self._asking.is_over:
                self._asking = _Asking(self._ask)
            return self._asking


class _Asking:
    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._over = threading.Event()
        self._failed = False
        # A daemon, so that a hanging database does not keep the process from stopping.
        threading.Thread(target=self._run, name="healthz", daemon=True).start()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def verdict(self, *, deadline: float) -> str:
        """ "ok", "failed", or "timeout" when there is no answer at `deadline` (time.monotonic)."""
        if not self._over.wait(max(0.0, deadline - time.monotonic())):
            return "timeout"
        return "failed" if self._failed else "ok"

    def _run(self) -> None:
        try:
            self._ask()
        except Exception:  # noqa: BLE001 -- whatever it is: the answer is no, and the reason stands in other logs
            self._failed = True
        finally:
            self._over.set()


def ask_database() -> None:
    """Ask over a connection of its own: the request's one may be in the middle of something."""
    parameters = connection.get_connection_params() | {"connect_timeout": 2, "autocommit": True}
    if not parameters.get("host", "").startswith("/"):
        # A host that vanished without a word: give up soon, not after a quarter of an hour.
        parameters["tcp_user_timeout"] = 2000
    with psycopg.connect(**parameters) as own:
        own.execute("SELECT 1")


def ask_redis() -> None:
    with broker.connect(settings.REDIS_URL, timeout_seconds=1) as client:
        client.ping()


_QUESTIONS = {"db": Question(ask_database), "redis": Question(ask_redis)}


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Source: R35. 503 when the database does not answer; without Redis checks run late, and that is all."""
    deadline = time.monotonic() + _ANSWER_WITHIN_SECONDS
    askings = {name: question.put() for name, question in _QUESTIONS.items()}
    checks = {name: asking.verdict(deadline=deadline) for name, asking in askings.items()}
    if checks["db"] != "ok":
        status, code = "unavailable", 503
    elif checks["redis"] != "ok":
        status, code = "degraded", 200
    else:
        status, code = "ok", 200
    body = {"status": status, "checks": checks, "uptime_sec": round(time.monotonic() - _STARTED, 1)}
    return JsonResponse(body, status=code)


@require_safe
@never_cache
def version(request: HttpRequest) -> JsonResponse:
    """Which version of Closeloop this is, and which build of it."""
    return JsonResponse({"version": settings.VERSION, "build": settings.BUILD_ID})
