"""R13: whatever a server does, a client ends with 0 for PASS and for nothing else."""

import json
import re
import shutil
import time

import pytest

from tests.clients.asking import CHANGE, COMMANDS, FOLDER, KINDS, TOKEN, ask, run
from tests.clients.hostile import BEHAVIOURS, TRIED_AGAIN, VERDICTS, Hostile, good
from tests.servers import free_port

QUESTIONS = {"audit": ["audit", "--service", "order"], "change": ["change", *CHANGE]}
both = pytest.mark.parametrize("kind", KINDS)
each_question = pytest.mark.parametrize("question", list(QUESTIONS))


def enough(behaviour: str) -> dict[str, str]:
    """What is tried again is tried until the time is up."""
    return {"CLOSELOOP_DEADLINE": "1" if behaviour in TRIED_AGAIN else "30"}


@both
@each_question
def test_pass_ends_with_0(hostile, kind, question):
    ended = ask(kind, *QUESTIONS[question], url=hostile.url)

    assert (ended.status, ended.out.partition("\n")[0][:15]) == (0, "closeloop: PASS"), ended.err
    assert hostile.tokens == [f"Bearer {TOKEN}"]


@both
@each_question
@pytest.mark.parametrize("behaviour", list(BEHAVIOURS))
def test_anything_else_does_not(hostile, kind, question, behaviour):
    hostile.behave = BEHAVIOURS[behaviour]

    ended = ask(kind, *QUESTIONS[question], url=hostile.url, **enough(behaviour))

    assert ended.status == (1 if behaviour in VERDICTS else 2), ended.said


@both
@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        *((name, 0) for name in ("server_error", "nothing", "html", "no_status", "a_list")),
        *((name, 1) for name in ("fail", "unknown")),
        *((name, 2) for name in ("of_another", "bad_request", "unauthorised", "forbidden", "created")),
    ],
)
def test_fail_open_excuses_an_outage_and_nothing_else(hostile, kind, behaviour, status):
    hostile.behave = BEHAVIOURS[behaviour]

    ended = ask(kind, *QUESTIONS["audit"], "--fail-open", url=hostile.url, **enough(behaviour))

    assert ended.status == status, ended.said
    assert ("NO VERDICT" in ended.err) is (status == 0)


@both
@pytest.mark.parametrize(
    ("value", "behaviour", "status"),
    [
        ("1", "server_error", 0),
        ("outage", "server_error", 0),
        ("always", "unauthorised", 0),
        ("always", "fail", 1),
        ("0", "server_error", 2),
        ("", "server_error", 2),
        ("perhaps", "server_error", 2),
    ],
)
def test_fail_open_is_said_by_a_variable_too(hostile, kind, value, behaviour, status):
    hostile.behave = BEHAVIOURS[behaviour]

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url, CLOSELOOP_FAIL_OPEN=value, **enough(behaviour))

    assert ended.status == status


@both
@pytest.mark.parametrize(
    ("mode", "status"),
    [("strict", 1), ("warn", 0), ("dry-run", 0), ("off", 0), ("lenient", 1), (7, 1), (None, 1)],
)
def test_mode_says_whether_a_verdict_blocks(hostile, kind, mode, status):
    hostile.behave = lambda handler, asked: handler.say(
        200, json.dumps(good(asked) | {"status": "FAIL", "mode": mode})
    )

    ended = ask(kind, *QUESTIONS["change"], url=hostile.url)

    assert ended.status == status
    assert "FAIL" in ended.out
    assert ("does not block" in ended.out) is (status == 0)


@both
def test_nobody_listens(kind):
    ended = ask(kind, *QUESTIONS["audit"], url=f"http://127.0.0.1:{free_port()}", CLOSELOOP_DEADLINE="1")

    assert (ended.status, "does not answer" in ended.err) == (2, True)


@both
def test_certificate_that_nobody_vouches_for(certificate, kind):
    server = Hostile(certificate)
    url = server.url.replace("127.0.0.1", "localhost")

    ended = ask(kind, *QUESTIONS["audit"], url=url)
    trusting = ask(kind, *QUESTIONS["audit"], url=url, CLOSELOOP_CA_FILE=str(certificate))
    of_another_name = ask(kind, *QUESTIONS["audit"], url=server.url, CLOSELOOP_CA_FILE=str(certificate))
    server.close()

    assert (ended.status, trusting.status, of_another_name.status) == (2, 0, 2), trusting.said
    assert "certificate" in ended.err.lower()
    assert server.tokens == [f"Bearer {TOKEN}"]


@both
@each_question
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed_and_the_token_stays(hostile, kind, question, status):
    elsewhere = Hostile()
    hostile.behave = lambda handler, _asked: handler.say(
        status, "", Location=f"{elsewhere.url}{handler.path}"
    )

    ended = ask(kind, *QUESTIONS[question], url=hostile.url)
    elsewhere.close()

    assert (ended.status, elsewhere.tokens) == (2, [])
    assert "redirects" in ended.err


@both
def test_failure_that_passes_is_tried_again(hostile, kind):
    behave = hostile.behave

    def fail_once(handler, asked):
        (BEHAVIOURS["bad_gateway"] if len(hostile.asked) < 2 else behave)(handler, asked)

    hostile.behave = fail_once

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url, CLOSELOOP_DEADLINE="20")

    assert (ended.status, len(hostile.asked)) == (0, 2)
    assert "trying again" in ended.err


@both
def test_pause_that_the_server_asks_for_is_kept_and_nothing_is_left_behind(hostile, kind, tmp_path):
    behave = hostile.behave

    def busy_once(handler, asked):
        if len(hostile.asked) > 1:
            behave(handler, asked)
        else:
            handler.say(503, "", Retry_After="4")

    hostile.behave = busy_once

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url, cwd=tmp_path, CLOSELOOP_DEADLINE="20")

    assert (ended.status, len(hostile.asked)) == (0, 2)
    assert re.search(r"trying again in 4(\.0)? s", ended.err), ended.err
    assert list(tmp_path.iterdir()) == []


@both
def test_refused_token_is_not_tried_again(hostile, kind):
    hostile.behave = BEHAVIOURS["unauthorised"]

    ask(kind, *QUESTIONS["audit"], url=hostile.url, CLOSELOOP_DEADLINE="20")

    assert len(hostile.asked) == 1


@both
def test_deadline_holds_for_everything_together(hostile, kind):
    """Whoever waited for this server would be told PASS in the end."""
    behave = hostile.behave
    hostile.behave = lambda handler, asked: (time.sleep(60), behave(handler, asked))

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url, CLOSELOOP_DEADLINE="3")

    assert ended.status == 2


@both
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["audit"],
        ["audit", "--servce", "order"],
        ["audit", "--service"],
        ["audit", "--service", "order", "--format", "xml"],
        ["audit", "--service", "order", "--deadline", "0"],
        ["audit", "--service", "order", "--deadline", "soon"],
        ["audit", "--service", "order", "--token", TOKEN],
        ["change", "--commits", "none", "--change-id", "1"],
        ["change", "--commits", "none", "--repository", "shop/order"],
        ["change", "--commits", "some", "--repository", "shop/order", "--change-id", "1"],
        ["change", "--repository", "shop/order"],
        ["change", *CHANGE, "--description-file", "/nonexistent"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_2_and_asks_nothing(hostile, kind, arguments, tmp_path):
    ended = ask(kind, *arguments, url=hostile.url, cwd=tmp_path)

    assert (ended.status, hostile.asked) == (2, []), ended.said
    assert "closeloop: NOT ASKED: " in ended.err


@both
@pytest.mark.parametrize(
    "url",
    ["", "closeloop.example.org", "ftp://127.0.0.1", "http://closeloop.example.org", "https://a:b@127.0.0.1", "https://"],
)  # fmt: skip
def test_address_that_is_none_or_would_show_the_token(kind, url):
    assert ask(kind, *QUESTIONS["audit"], url=url).status == 2


@both
@pytest.mark.parametrize("token", ["", " ", "clp_a\nX-Evil: 1", 'x" --insecure', "é"])
def test_token_that_is_none(hostile, kind, token):
    ended = run(
        [*COMMANDS[kind], *QUESTIONS["audit"]],
        CLOSELOOP_URL=hostile.url,
        CLOSELOOP_TOKEN=token,
    )

    assert (ended.status, hostile.asked) == (2, [])


@both
def test_token_comes_from_a_file(hostile, kind, tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url, token="", CLOSELOOP_TOKEN_FILE=str(file))
    without = ask(kind, *QUESTIONS["audit"], url=hostile.url, token="", CLOSELOOP_TOKEN_FILE=str(file) + "x")

    assert (ended.status, without.status) == (0, 2)
    assert hostile.tokens == [f"Bearer {TOKEN}"]


def test_token_is_never_on_a_command_line(hostile, tools, tmp_path):
    """Everybody on a machine may read the arguments of everybody's programs."""
    log = tmp_path / "arguments"
    path = tools("curl", f'printf "%s\\n" "$@" >>{log}\nexec {shutil.which("curl")} "$@"')

    ended = ask("sh", *QUESTIONS["change"], url=hostile.url, PATH=path)

    assert ended.status == 0
    assert hostile.url in log.read_text()
    assert TOKEN.partition(".")[2] not in log.read_text()


def test_tracing_the_shell_shows_no_token(hostile):
    ended = run(
        ["sh", "-x", COMMANDS["sh"][1], *QUESTIONS["audit"]], CLOSELOOP_URL=hostile.url, CLOSELOOP_TOKEN=TOKEN
    )

    assert ended.status == 0
    assert TOKEN.partition(".")[2] not in ended.said


def test_settings_of_curl_on_the_machine_do_not_count(hostile, tmp_path):
    (tmp_path / ".curlrc").write_text("location\ninsecure\noutput = /dev/null\n")
    elsewhere = Hostile()
    hostile.behave = lambda handler, _asked: handler.say(302, "", Location=f"{elsewhere.url}{handler.path}")

    ended = ask("sh", *QUESTIONS["audit"], url=hostile.url, HOME=str(tmp_path))
    elsewhere.close()

    assert (ended.status, elsewhere.asked) == (2, [])


def test_proxy_is_used_and_named_exceptions_are_not(hostile):
    for kind in KINDS:
        through = ask(kind, *QUESTIONS["audit"], url="http://127.0.0.1:9", http_proxy=hostile.url)
        past = ask(
            kind, *QUESTIONS["audit"], url="http://127.0.0.1:9", http_proxy=hostile.url, no_proxy="127.0.0.1"
        )
        assert (through.status, past.status) == (0, 2), kind


def test_files_beside_the_client_do_not_pose_as_modules(hostile, tmp_path):
    """The checked out folder is the change's own."""
    client = tmp_path / "closeloop_gate.py"
    client.write_bytes((FOLDER / client.name).read_bytes())
    for name in ("json", "argparse", "queue", "ssl"):
        (tmp_path / f"{name}.py").write_text("import os\nos._exit(0)\n")
    hostile.behave = BEHAVIOURS["fail"]

    for flags in ([], ["-I"]):
        argv = [COMMANDS["python"][0], *flags, str(client), *QUESTIONS["audit"]]
        ended = run(argv, cwd=tmp_path, CLOSELOOP_URL=hostile.url, CLOSELOOP_TOKEN=TOKEN)
        assert (ended.status, "closeloop: FAIL" in ended.out) == (1, True), flags


@both
def test_what_others_wrote_gives_no_commands(hostile, kind):
    """GitHub and Azure read commands out of lines; terminals out of control characters."""
    finding = {
        "code": "ITEM_OVERDUE",
        "object": "RI-2026-0001",
        "detail": "x\n::set-env name=A::b\r\x1b[2J##[add-path]/x",
    }
    hostile.behave = lambda handler, asked: handler.say(
        200, json.dumps(good(asked) | {"status": "FAIL", "findings": [finding]})
    )

    ended = ask(kind, *QUESTIONS["audit"], url=hostile.url)

    assert ended.status == 1
    assert "RI-2026-0001" in ended.out
    assert not re.search(r"^\s*::|##\[|[\x00-\x09\x0b-\x1f]", ended.said, re.MULTILINE)


@both
def test_rules_that_could_not_be_applied_are_named(hostile, kind):
    answer = {
        "status": "UNKNOWN",
        "findings": [{"code": "SERVICES_UNKNOWN", "object": "", "detail": "Nobody knows."}],
        "skipped": [{"code": "PM_NOT_APPLICABLE", "reason": "No service is known."}],
    }
    hostile.behave = lambda handler, asked: handler.say(200, json.dumps(good(asked) | answer))

    ended = ask(kind, *QUESTIONS["change"], url=hostile.url)

    assert ended.status == 1
    assert "enter this repository at a service" in ended.out
    assert "(PM_NOT_APPLICABLE was not judged: No service is known.)" in ended.out


@both
@pytest.mark.parametrize("fail_open", ["", "always"])
def test_a_client_that_is_asked_nothing_says_what_can_be_asked(hostile, kind, fail_open):
    ended = ask(kind, url=hostile.url, CLOSELOOP_FAIL_OPEN=fail_open)

    assert (ended.status, ended.out, hostile.asked) == (2, "", [])
    assert "NOT ASKED: Say what to ask: change or audit (see --help)." in ended.err
