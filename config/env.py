"""Typed readers of environment variables: a wrong or missing value stops the start.

Every reader accepts `NAME_FILE` in place of `NAME`: the path of a file holding the value, for
secrets that must not stand in the environment. No reader ever puts a value into its message.
"""

from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv

from accounts.addresses import Proxies, read_proxies

_env = FileAwareEnv()
_MISSING = object()


def text(name: str, default: object = _MISSING) -> str:
    """The value as written; without a default the variable is required.

    Raises:
        ImproperlyConfigured: the variable is missing and has no default.
    """
    try:
        value = str(_env.str(name) if default is _MISSING else _env.str(name, default=default))
        # A file that holds a secret usually ends with a line break, which is no part of it.
        return value.rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read.") from None
    except ImproperlyConfigured:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it, or set {name}_FILE to the path of a file that holds it."
        ) from None


def flag(name: str, default: bool) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off; anything else stops the start."""
    raw = text(name, "1" if default else "0").strip().lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off.")


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of some words."""
    raw = text(name, default).strip().lower()
    if raw not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}.")
    return raw


def number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`."""
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from None
    if value < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; blanks are dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def subset(name: str, choices: tuple[str, ...]) -> list[str]:
    """Words separated by commas, each one of these; none unless set."""
    found = words(name)
    if set(found) - set(choices):
        raise ImproperlyConfigured(f"{name} may name {', '.join(choices)} and nothing else.")
    return found


def networks(name: str) -> list[str]:
    """A comma-separated list of networks, such as 10.0.0.0/8."""
    try:
        return [str(ip_network(word)) for word in words(name)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must hold networks such as 10.0.0.0/8, with commas.") from None


def proxies(name: str) -> Proxies:
    """Addresses, networks or the word unix, separated by commas; none when unset."""
    try:
        return read_proxies(words(name))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must hold addresses, networks or the word unix.") from None


def keys(name: str) -> dict[str, str]:
    """Encryption keys by their ids, from `id:key` separated by commas or line breaks; none when unset."""
    from cryptography.fernet import Fernet

    found: dict[str, str] = {}
    for word in text(name, "").replace("\n", ",").split(","):
        if not word.strip():
            continue
        key_id, _, key = word.strip().partition(":")
        try:
            Fernet(key)
        except ValueError:
            key = ""
        if not key or not key_id.replace("-", "").isalnum() or key_id in found:
            raise ImproperlyConfigured(
                f"{name} must hold lines of the form id:key; manage.py rotate_field_keys --new ID makes one."
            )
        found[key_id] = key
    return found


def zone(name: str, default: str) -> str:
    """An IANA zone name, such as Asia/Shanghai."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImproperlyConfigured(f"{name} must be an IANA time zone, such as Europe/Berlin.") from None
    return value


def site(name: str, default: str) -> str:
    """The address of a site, such as https://closeloop.example.com: a scheme and a host, maybe a port."""
    from urllib.parse import urlsplit

    wrong = ImproperlyConfigured(
        f"{name} must be an address such as https://closeloop.example.com: http or https, a host, no path."
    )
    value = text(name, default).strip().rstrip("/")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong from None
    plain = f"{parts.scheme}://{parts.netloc}"
    is_odd = not value.isascii() or not value.isprintable() or " " in value or "@" in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or value != plain or is_odd or port == 0:
        raise wrong
    return value


def hosts(name: str, default: str, *, public_url: str) -> list[str]:
    """Host names that are answered; the site's own must be among them, or nobody gets an answer."""
    from urllib.parse import urlsplit

    named = words(name, default)
    own = urlsplit(public_url).netloc.lower()
    own = own if own.endswith("]") else own.rpartition(":")[0] or own
    for pattern in named:
        pattern = pattern.lower()
        if pattern in {"*", own} or (pattern.startswith(".") and f".{own}".endswith(pattern)):
            return named
    raise ImproperlyConfigured(f"{name} must name the host of PUBLIC_URL: nobody would be answered there.")


def log_level(name: str, default: str) -> str:
    """The least level of what is logged."""
    return choice(name, default, ("debug", "info", "warning", "error", "critical")).upper()


def database(name: str) -> dict[str, object]:
    """Django's database settings from a postgres:// URL.

    A Unix socket directory goes into the query: postgres://user:secret@/name?host=/run/pg
    """
    from urllib.parse import parse_qs, unquote, urlsplit

    url = urlsplit(text(name))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must start with postgres:// or postgresql://")
    options = {key: values[-1] for key, values in parse_qs(url.query).items()}
    host = options.pop("host", None) or url.hostname or ""
    return {
        "ENGINE": "config.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": host,
        "PORT": str(url.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def redis_location(name: str) -> str:
    """The address of a Redis as redis-py reads it; for a socket Celery has a form of its own."""
    from urllib.parse import parse_qs, urlsplit

    url = text(name)
    parts = urlsplit(url)
    if parts.scheme != "redis+socket":
        return url
    database = parse_qs(parts.query).get("virtual_host", ["0"])[-1].lstrip("/") or "0"
    return f"unix://{parts.netloc}{parts.path}?db={database}"


def directory(name: str, default: Path) -> Path:
    """A folder; it need not exist yet."""
    return Path(text(name, str(default))).expanduser()
