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
        ("while true; do date; sleep 1; done", "follow"),
        ("tcpdump -i eth0 port 53", "follow"),
        ("tcpdump -c 10 -i eth0", "check"),
        ("timeout 5 ping order-1", "check"),
        ("ceph -w", "follow"),
        ("ceph -s", "check"),
        ("update-alternatives --display editor", "check"),
        ("parted /dev/sda print", "check"),
        ("oc adm top nodes", "check"),
        ("podman pull registry/x --log-level debug", "change"),
        ("sudo -u app rmdir /srv/x", "change"),
        ("sudo -u postgres psql -c 'select 1'", "check"),
        ("sudo -u app bash", "interactive"),
        ("sudo -i -u app", "interactive"),
        ("xargs -n 1 rm", "change"),
        ("kubectl exec order-0 -- rm -rf /data/x", "change"),
        ("docker exec order cat /etc/hosts", "check"),
        ("docker exec -u root order sh", "interactive"),
        ("ssh -i id.pem app@order-1 'sudo systemctl restart nginx'", "change"),
        ("ssh order-1 uptime", "check"),
        ("bash -c 'rm -rf /x'", "change"),
        ("if ! pgrep order; then systemctl start order; fi", "change"),
        ("(cd /tmp && rm x)", "change"),
        ("[ -f /etc/x ] && echo yes", "check"),
        ("! grep -q ERROR /var/log/x", "check"),
        ("lsmod|grep overlay", "check"),
        ("root@order-1:/srv# docker compose stop", "change"),
        ("psql -h db -U app", "interactive"),
        ("virsh console order", "interactive"),
        ("redis-cli FLUSHALL", "change"),
        ("curl -sSL http://order/x -o /usr/local/bin/x", "change"),
        ("curl -s -o /dev/null -w '%{http_code}' http://order/x", "check"),
        ("certbot renew", "change"),
        ("ssh-keygen -t ed25519", "change"),
        ("ssh-keygen -lf key.pub", "check"),
        ("kubectl patch deploy order -p='{\"spec\":{}}'", "change"),
        ("agent -promscrape.config=x.yml", "check"),
        ("mysql -u root -phunter2 -e 'select 1'", "secret"),
        ("tool -tokenFile=/run/token", "check"),
        ("rclone config update x refresh_token=false", "check"),
        ("openssl x509 -noout -enddate -in fullchain.pem", "check"),
        ("cat /etc/pki/ca.key", "secret"),
        ("oc whoami -t", "secret"),
        ("echo $DB_PASSWORD", "secret"),
        ("for each node in the pool:", "noise"),
        ("Then restart the service", "noise"),
        ("", "noise"),
        ("order-0   1/1   Running   0   10d", "noise"),
        ("NAME READY STATUS", "noise"),
        ("64 bytes from 10.0.0.1: icmp_seq=1", "noise"),
        ("accept = 127.0.0.1:16000", "noise"),
        ("(sum(rate(requests_total[5m])))", "noise"),
        ("# restart the service", "noise"),
        ("# systemctl status nginx", "check"),
        ("<output omitted>", "noise"),
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
        "TOKEN" * 4000,
        "mysql " * 4000,
        "a  " * 6000,
        "docker exec " * 2000,
        "bash -c " * 2000,
        "ssh",
        "docker exec",
        "kubectl exec x --",
    ],
)
def test_hostile_text_neither_breaks_nor_blocks(line):
    began = time.monotonic()

    classify(line)

    assert time.monotonic() - began < 5
