import os
import socket

import pytest

from ops import ports
from ops.processes import CannotStart


@pytest.mark.parametrize(("text", "port"), [("", 8000), ("8123", 8123), (" 80 ", 80), ("65535", 65535)])
def test_wanted_reads_a_port_number(text, port):
    assert ports.wanted(text) == port


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80.5", "٨٠", "8000; rm"])
def test_wanted_refuses_what_is_no_port(text):
    with pytest.raises(CannotStart, match="PORT must be a number from 1 to 65535"):
        ports.wanted(text)


def test_refuse_taken_names_the_holder_and_a_free_port():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]

        with pytest.raises(CannotStart) as refusal:
            ports.refuse_taken(taken)

    assert f"Port {taken} is taken by " in str(refusal.value)
    assert f"(process {os.getpid()})" in str(refusal.value)
    assert "make demo PORT=" in str(refusal.value)


def test_refuse_taken_sees_a_holder_on_all_addresses():
    with socket.create_server(("0.0.0.0", 0)) as holder, pytest.raises(CannotStart, match="is taken"):
        ports.refuse_taken(holder.getsockname()[1])


def test_refuse_taken_accepts_a_free_port():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        freed = holder.getsockname()[1]

    ports.refuse_taken(freed)
