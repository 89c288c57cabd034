import pytest

from remediation.probes import addresses
from remediation.probes.addresses import AddressRefused


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.1", "172.16.0.1", "93.184.216.34", "2606:2800::1", "fd12::1"]
)
def test_private_and_public_addresses_may_be_asked(address):
    addresses.check(address, allow_loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1%eth0",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "2001::5601:5601",  # Teredo for 169.254.169.254
        "0.0.0.0",  # the address itself is the test
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::a9fe:a9fe",
        "fec0::1",
        "metadata.google.internal",
        "",
    ],
)
def test_forbidden_addresses_are_refused_even_with_loopback_allowed(address):
    with pytest.raises(AddressRefused):
        addresses.check(address, allow_loopback=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_loopback_needs_to_be_allowed(address):
    addresses.check(address, allow_loopback=True)
    with pytest.raises(AddressRefused):
        addresses.check(address, allow_loopback=False)
