"""How operators find out whether a worker listens."""

from celery import shared_task
from django.conf import settings

from ops import broker

_KEPT_SECONDS = 60


def answer_key(token: str) -> str:
    return f"closeloop:answer:{token}"


@shared_task(name="ops.answer", expires=_KEPT_SECONDS)
def answer(*, token: str) -> None:
    with broker.connect(settings.REDIS_URL, timeout_seconds=5) as client:
        client.set(answer_key(token), "1", ex=_KEPT_SECONDS)
