import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortem import secrets

_BASE64 = "MIIEowIBAAKCAQEA0123456789abcdef\n"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{_BASE64 * 2}-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        (
            "curl -H 'Authorization: Bearer abcdefghijklmnopqrst.uvw-x' https://x",
            "abcdefghijklmnopqrst.uvw-x",
        ),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        ("mysql://root:s3cr3t@db:3306/order", "s3cr3t"),
        ("redis://:hunter22@cache:6379", "hunter22"),
        ("password=hunter2 host=db", "hunter2"),
        ('{"password": "hunter2 and more"}', "hunter2 and more"),
        ("DB_PASSWORD='hunter2'", "hunter2"),
        ("api_key: 0123456789abcdef", "0123456789abcdef"),
        ("mysql -h db -uroot -phunter2 order", "hunter2"),
        ("mysqldump --password=hunter2 order", "hunter2"),
        ("redis-cli -h cache -a hunter2 info", "hunter2"),
        ("curl -u admin:hunter2 https://x", "hunter2"),
        ("gate --token clp_0123456789ab.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ", "clp_0123456789ab"),
        ("clp_0123456789ab.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ", "abcdefghijklmnopqrstuvwxyz"),
        ("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"),
        ("xoxb-123456789012-abcdefghijkl", "xoxb-123456789012-abcdefghijkl"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
            "eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        ),
        (KEY, "MIIEowIBAAKCAQEA0123456789abcdef"),
        (KEY.partition("-----END")[0], "MIIEowIBAAKCAQEA0123456789abcdef"),
    ],
)
def test_mask_hides_the_secret_and_counts_it(text, secret):
    masked, count = secrets.mask(text)

    assert secret not in masked
    assert secrets.MASK in masked
    assert count >= 1


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'",
        "The password was rotated at 14:03.",
        "See https://example.com:8080/path@x for details",
        "max_connections=200, demand 247",
        "连接池被打满，重启 order 服务",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "token bucket of 100",
        "",
    ],
)
def test_mask_leaves_ordinary_text_alone(text):
    assert secrets.mask(text) == (text, 0)


def test_mask_keeps_what_surrounds_a_secret():
    assert secrets.mask("psql postgres://app:pa55word@db/order -c 'select 1'") == (
        "psql postgres://app:[masked]@db/order -c 'select 1'",
        1,
    )


_PIECES = [
    *"ax1=:'\" \n/@-",
    "password",
    "Bearer ",
    "a://",
    secrets.MASK,
    "mysql ",
    " -p",
    "--token ",
    "curl -u ",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=40))
def test_mask_twice_is_mask_once(pieces):
    once, _ = secrets.mask("".join(pieces))

    assert secrets.mask(once) == (once, 0)


@pytest.mark.parametrize(
    "text",
    [
        "mysql " * 10_000,
        "a://" * 16_000,
        "password=" * 7_000,
        "-----BEGIN PRIVATE KEY-----" * 2_400,
        "curl -u " * 8_000,
    ],
)
def test_mask_ends_on_hostile_text(text):
    assert len(secrets.mask(text[: 64 * 1024])[0]) > 0


def test_where_a_secret_was_and_of_what_kind_is_told_and_never_the_secret():
    text = f"deploy\n{KEY}\nredis-cli -a hunter22\n{KEY}\nok\nDB_PASSWORD=hunter22 AKIAIOSFODNN7EXAMPLE\n"

    masked, found = secrets.mask_and_tell(text)

    assert [(one.line, one.kind) for one in found] == [
        (3, "private_key"),
        (6, "password"),
        (8, "private_key"),
        (12, "access_key"),
        (12, "value"),
    ]
    assert masked == secrets.mask(text)[0]
    assert "hunter22" not in masked + repr(found)


@given(st.text(alphabet="ab:=/@ \n-password", max_size=300))
def test_told_lines_are_lines_of_the_text(text):
    found = secrets.mask_and_tell(text)[1]

    assert all(1 <= one.line <= text.count("\n") + 1 for one in found)
    assert len(found) == secrets.mask(text)[1]
