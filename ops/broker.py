"""The Redis that carries Celery's messages, for those who want to ask it something directly."""

from urllib.parse import parse_qs, unquote, urlsplit

import redis


def connect(url: str, *, timeout_seconds: float) -> redis.Redis:
    """A client for the same server and database as Celery uses; nothing is sent yet.

    Celery's form for a Unix socket, redis+socket:///path?virtual_host=0, is not one that redis-py reads.
    """
    parts = urlsplit(url)
    if parts.scheme != "redis+socket":
        return redis.Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
        )
    database = parse_qs(parts.query).get("virtual_host", ["0"])[-1].lstrip("/")
    return redis.Redis(
        unix_socket_path=unquote(parts.path),
        db=int(database or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
    )
