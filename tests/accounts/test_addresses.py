"""From where a request comes, whatever somebody writes into X-Forwarded-For."""

import pytest

from accounts.addresses import Proxies, of_request, read_proxies, resolve

ONE = read_proxies(["10.0.0.1"])
TWO = read_proxies(["10.0.0.0/24", "fd00::/8"])


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        # Nobody is trusted: the header says nothing.
        ("203.0.113.9", "10.0.0.5", Proxies(), "203.0.113.9"),
        # The peer is no proxy of ours: the header says nothing.
        ("203.0.113.9", "10.0.0.5", ONE, "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9", ONE, "203.0.113.9"),
        # The client wrote the first part itself.
        ("10.0.0.1", "192.168.7.7, 203.0.113.9", ONE, "203.0.113.9"),
        ("10.0.0.1", "10.0.0.1, 203.0.113.9", ONE, "203.0.113.9"),
        ("10.0.0.1", "unknown, 203.0.113.9", ONE, "203.0.113.9"),
        # Through two proxies.
        ("10.0.0.1", "192.168.7.7, 203.0.113.9, 10.0.0.2", TWO, "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, fd00::7", TWO, "203.0.113.9"),
        # A proxy asks for itself.
        ("10.0.0.1", "", ONE, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", TWO, "10.0.0.3"),
        # What cannot be read hides whatever stands before it.
        ("10.0.0.1", "203.0.113.9, unknown", ONE, ""),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2.3", TWO, ""),
        ("10.0.0.1", "203.0.113.9, \x00", ONE, ""),
        ("10.0.0.1", ", ".join(["203.0.113.9"] + ["10.0.0.2"] * 50), TWO, ""),
        # Spellings.
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", ONE, "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:51234", ONE, "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::1]:443", ONE, "2001:db8::1"),
        ("10.0.0.1", "2001:DB8:0::1", ONE, "2001:db8::1"),
        ("fe80::1%eth0", "", Proxies(), "fe80::1"),
        ("10.0.0.1", " 203.0.113.9 ,", ONE, "203.0.113.9"),
        # A Unix socket.
        ("", "203.0.113.9", Proxies(), ""),
        ("", "203.0.113.9", ONE, ""),
        ("", "192.168.7.7, 203.0.113.9", read_proxies(["unix"]), "203.0.113.9"),
        ("", "", read_proxies(["unix"]), ""),
        ("nonsense", "203.0.113.9", read_proxies(["unix"]), ""),
    ],
)
def test_address_of_a_client(remote, forwarded, proxies, expected):
    assert resolve(remote, forwarded, proxies) == expected


def test_request_is_read_with_the_proxies_of_the_settings(settings):
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert of_request(meta) == "10.0.0.1"

    settings.TRUSTED_PROXIES = ONE
    assert of_request(meta) == "203.0.113.9"
    assert of_request({}) == ""


@pytest.mark.parametrize("words", [["10.0.0.0/33"], ["proxy.example.org"], [""], ["*"]])
def test_proxies_that_are_none_stop_the_start(words):
    with pytest.raises(ValueError, match=r".*"):
        read_proxies(words)
