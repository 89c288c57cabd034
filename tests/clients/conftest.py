"""Servers for the clients: hostile ones, and the instance itself as its own process."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.clients import asking
from tests.clients.hostile import Hostile
from tests.clients.relay import Relay
from tests.servers import Process, free_port, is_up, wait_until
from tests.services import process_env


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def serve(log: Path, *, application: str = "config.wsgi:application", **env: str) -> tuple[Process, str]:
    """The instance as it is shipped, as its own process; it and its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = (
        f"-m granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 --no-ws --log-level warning"
    )
    environment = process_env(PUBLIC_URL=url, ALLOWED_HOSTS="127.0.0.1", **env)
    process = Process([sys.executable, *words.split(), application], log, environment)
    wait_until(lambda: is_up(f"{url}/ci/pre-receive"), seconds=60, what=f"the instance: {process.said()}")
    return process, url


@pytest.fixture(scope="session")
def instance_url(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = serve(tmp_path_factory.mktemp("instance") / "log")
    yield url
    process.stop()


@pytest.fixture
def instance(instance_url: str, transactional_db: None) -> str:
    """The address of the instance itself, on this test's committed database."""
    return instance_url


@pytest.fixture
def instance_with_clock(tmp_path: Path, transactional_db: None) -> Iterator[Callable[[timedelta], str]]:
    """`instance_with_clock(difference)` starts an instance whose clock is so far ahead; gives its address."""
    started: list[Process] = []

    def start(difference: timedelta) -> str:
        process, url = serve(
            tmp_path / "log",
            application="tests.clients.skewed:application",
            CLOCK_AHEAD_SECONDS=str(difference.total_seconds()),
        )
        started.append(process)
        return url

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def relay() -> Iterator[Callable[..., Relay]]:
    """`relay(url, ...)` stands between a client and the server at `url`; see `Relay`."""
    made: list[Relay] = []

    def start(url: str, **how: Any) -> Relay:
        made.append(Relay(url, **how))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def instance_without_database(tmp_path: Path, django_db_setup: None) -> Iterator[str]:
    process, url = serve(tmp_path / "log", DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/none")
    yield url
    process.stop()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a base commit, tagged so, and one commit on top that names a postmortem."""
    folder = tmp_path / "work"
    folder.mkdir()
    asking.git(folder, "init", "--quiet", "--initial-branch=main")
    asking.commit(folder, "Base")
    asking.git(folder, "tag", "base")
    asking.commit(
        folder, 'Raise the "limit"\n\nBecause of the sale.\n\nPostmortem: PM-2026-0001', pool="247\n"
    )
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Callable[[str, str], str]:
    """`tools(name, script)` puts a program in front of the others; gives the PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()

    def add(name: str, script: str) -> str:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    return add
