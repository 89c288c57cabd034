"""The shop of the demo's story, as far as checks look at it: its metrics, and a process to look into.

    python -m ops.shop PORT

Listens on 127.0.0.1 alone. `GET /metrics` is for Prometheus, `GET /` for people: what there is, and what it
is now. `POST /pager?value=1` turns one of them, until the shop ends: so a check fails or passes while one
looks. Standard library only, so that it is there in a moment.
"""

import ctypes
import math
import sys
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# What its process is called; the demo starts it with the variable that a check of the story looks for.
PROCESS = "shop-payment"
VARIABLE = ("GODEBUG", "asyncpreemptoff=1")
_PR_SET_NAME = 15  # linux/prctl.h


@dataclass
class Gauge:
    """One series, as Prometheus reads it; `is_gone_at_zero`: then there is no such series."""

    series: str
    value: float
    about: str
    is_gone_at_zero: bool = False


def gauges() -> dict[str, Gauge]:
    """What can be turned, by name, as it is while all is well but for two alert rules that nobody loaded."""
    order, inventory = 'service="order"', 'service="inventory"'
    return {
        "pager": Gauge("pager_paths_up", 2, "ways on which the pager reaches somebody; 2 are promised"),
        "pool": Gauge(
            f"mysql_global_status_threads_connected{{{order}}}", 121,
            "connections of the order database; 180 are promised at most",
        ),
        "pool-alert": Gauge(
            'ALERTS_FOR_STATE{alertname="PoolHeadroom"}', 0, "1: the alert rule on the pool is loaded", True
        ),
        "coupon-alert": Gauge(
            'ALERTS_FOR_STATE{alertname="CouponTwice"}', 0, "1: the alert rule on coupons is loaded", True
        ),
        "coupons": Gauge("coupon_duplicates_total", 14, "coupons applied twice; no more are promised"),
        "locks": Gauge(
            'pg_locks_count{mode="accessexclusivelock",table="ledger"}', 0, "exclusive locks on the ledger"
        ),
        "debug": Gauge("build_info_debug_endpoints", 0, "hosts that serve debug endpoints"),
        "disk-free": Gauge(
            f"node_filesystem_avail_bytes{{{inventory}}}", 44e9, "of 100e9 bytes; 30 % are promised"
        ),
        "disk-size": Gauge(f"node_filesystem_size_bytes{{{inventory}}}", 100e9, "bytes of that disk"),
    }  # fmt: skip


class Shop(ThreadingHTTPServer):
    """The page of metrics, and the gauges behind it."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Page)
        self.gauges = gauges()
        self._scrapes = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def metrics(self) -> str:
        """All series in Prometheus' text format."""
        self._scrapes += 1
        lines = [
            f"{gauge.series} {gauge.value!r}"
            for gauge in self.gauges.values()
            if gauge.value or not gauge.is_gone_at_zero
        ]
        # The breaker opens all the time, or its rate would be 0 whenever the shop is young.
        return "\n".join([*lines, f'breaker_open_total{{service="order"}} {self._scrapes}', ""])

    def listing(self) -> str:
        """What people read: each gauge, and how to turn it."""
        lines = [f"{name:14}{gauge.value:<10g}{gauge.about}" for name, gauge in self.gauges.items()]
        return "\n".join(
            ["The shop of the demo. To turn one of these:", f"  {turn(self.url, 'pager', 1)}", "", *lines, ""]
        )

    def turn(self, name: str, value: str) -> tuple[int, str]:
        """Set a gauge; a status and what to say."""
        if name not in self.gauges:
            return 404, f"There is no “{name}”. There are: {', '.join(self.gauges)}.\n"
        number = math.nan
        with suppress(ValueError):
            number = float(value)
        if not math.isfinite(number):
            return 400, f"Give a number, such as {turn(self.url, name, 1)}\n"
        self.gauges[name].value = number
        return 200, f"{name} is {number:g} now.\n"


class _Page(BaseHTTPRequestHandler):
    server: Shop
    timeout = 10

    def do_GET(self) -> None:
        pages = {"/": self.server.listing, "/metrics": self.server.metrics}
        page = pages.get(urlsplit(self.path).path)
        self._answer(*((200, page()) if page else (404, "There is / and /metrics.\n")))

    def do_POST(self) -> None:
        # A page of another site that somebody has open could post here as well.
        if self.headers.get("Origin") or self.headers.get("Sec-Fetch-Site"):
            self._answer(403, "Not from a browser; use curl.\n")
            return
        parts = urlsplit(self.path)
        value = parse_qs(parts.query).get("value", [""])[0]
        self._answer(*self.server.turn(parts.path.strip("/"), value))

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Every two seconds a scrape: nobody wants to read that."""


def turn(url: str, name: str, value: float) -> str:
    """The command that sets a gauge, for people to copy."""
    return f"curl -X POST '{url}{name}?value={value:g}'"


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, PROCESS.encode(), 0, 0, 0)
    Shop(int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
