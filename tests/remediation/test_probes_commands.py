"""What a command line seems to do, told by its words."""

import time

import pytest

from remediation.probes.commands import classify


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("kubectl get pods -n order | grep -E '(Pending|Error)'", "check"),
        ("df -h /var", "check"),
        ("systemctl status nginx", "check"),
        ("psql -c 'select count(*) from orders'", "check"),
        ("kubectl exec order-0 -- cat /etc/hosts", "check"),
        ("top -b -n1", "check"),
        ("ls -la 2>/dev/null", "check"),
        ("kubectl delete pod order-0", "change"),
        ("sudo systemctl restart nginx", "change"),
        ("rm -rf /var/tmp/x", "change"),
        ("echo 1 > /proc/sys/vm/drop_caches", "change"),
        ("psql -c 'DROP TABLE orders'", "change"),
        ("curl -X DELETE http://order/x", "change"),
        ("aws ec2 terminate-instances --instance-ids i-1", "change"),
        ("kubectl get pods -o name | xargs kubectl delete", "change"),
        ("kubectl get secret db -o yaml", "secret"),
        ("curl -H 'Authorization: Bearer x' http://order", "secret"),
        ("cat /proc/1/environ", "secret"),
        ("kubectl exec -it order-0 -- bash", "interactive"),
        ("vim /etc/hosts", "interactive"),
        ("ssh order-1", "interactive"),
        ("tail -f /var/log/syslog", "follow"),
        ("kubectl logs order-0 --follow", "follow"),
        ("watch kubectl get pods", "follow"),
        ("for each node in the pool:", "noise"),
        ("Then restart the service", "noise"),
        ("", "noise"),
    ],
)
def test_kind_of_a_command_line(line, kind):
    assert classify(line) == kind


@pytest.mark.parametrize(
    "line",
    [
        "'" * 5000,
        "$(" * 3000,
        "`" * 999,
        "a" * 9999,
        "-p" * 4000,
        "a:" * 5000 + "@",
        " -pabcd" * 1400,
        "\x00",
        ">" * 5000,
    ],
)
def test_hostile_text_neither_breaks_nor_blocks(line):
    began = time.monotonic()

    classify(line)

    assert time.monotonic() - began < 5
