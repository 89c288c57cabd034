"""Pure: what a command line seems to do, told by its words; nothing is ever run to find out.

A check should read and end. What changes something, shows a secret, wants a terminal or goes on for ever
deserves a warning before somebody approves it. This is advice and no guard: the sandbox is the guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remediation.probes.commandwords import (
    ALWAYS_CHANGE,
    BEFORE_A_COMMAND,
    CHANGES,
    CLOUD,
    EDITORS,
    ENDLESS,
    GOES_ON,
    OF_CONTAINERS,
    OPTIONS_WITH_A_WORD,
    PREFIXES,
    READERS,
    SHELLS,
    SQL_CLIENTS,
    STOPS_WITH,
    TERMINALS,
    WRITERS,
)

# What stands behind is not looked at: the patterns take time with the square of it.
_LONGEST = 4000
KINDS = ("check", "follow", "interactive", "change", "secret", "noise")

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_WORD = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s'\"\\]+|['\"\\]")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_SPLIT = re.compile(r"\|\||&&|[|;\n]|&(?=\s|$)(?<!\\&)")
_PROGRAM = re.compile(r"[./~$\w<{][\w./~+$<>{}@:-]*")

_CLOUD_CHANGE = re.compile(
    r"(?:create|delete|update|put|terminate|start|stop|modify|reboot|attach|detach|run|set|remove|add|resize|"
    r"restart|deploy|failover|promote|enable|disable|reset|cp|mv|rm|sync|scale|upgrade|drain|deallocate)(?:-.*)?"
)
_SQL = re.compile(
    r"(?is)\b(?:insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+\w|alter\s+\w|truncate\b|create\s+\w|grant\s|"
    r"revoke\s|vacuum\b|reindex\b|kill\s+\d|set\s+global|pg_terminate_backend|pg_cancel_backend|flush\s+\w|"
    r"reset\s+(?:slave|master)|stop\s+slave|start\s+slave|optimize\s+table)"
)
_SECRET = re.compile(
    r"""(?ix)
      \bget\s+(?:-\S+\s+\S+\s+)*secrets?\b(?=.*(?:-o|--output|--template|jsonpath|\bdescribe\b|go-template))
    | \bsecrets?/[\w$<{-]+.*(?:-o|--output)
    | \bbase64\s+(?:-d|-D|--decode)\b
    | (?:-H|--header)[=\s]+["']?(?:authorization|x-api-key|x-auth-token|api-key|x-vault-token|cookie|private-token|job-token|x-[\w-]*(?:key|token|secret))\b
    | \b(?:secretsmanager\s+get-secret-value|ssm\s+get-parameters?\b.*--with-decryption|print-(?:access|identity)-token|create\s+token|kms\s+decrypt)\b
    | \bvault\s+(?:kv\s+get|read|token|login|print)\b | \bgcloud\s+secrets\s+versions\s+access\b
    | (?:^|[\s|;&(])(?:printenv|env|set|export\s+-p)\s*(?:$|[|;])
    | --password(?:=|\s+)\S | \bPGPASSWORD=\S | \bMYSQL_PWD=\S
    | \b\w{0,60}(?:SECRET|TOKEN|PASSWORD|API_?KEY)(?!\w{0,60}(?:file|path|ttl|seconds)\b)\w{0,60}=(?!(?:true|false|yes|no|\d+)\b|/)[^\s$"']
    | \b(?:mysql|mariadb)[\w-]*\s(?:.*\s)?-p[^\s-] | \b(?:sshpass|mongo\w*|check_mysql\w*)\s(?:.*\s)?-p\s*[^\s-]
    | \bredis-cli\s(?:.*\s)?(?:-a\s+|--pass\s+)\S | \bldap\w+\s(?:.*\s)?-w\s*[^\s-]
    | \becho\s+["']?\$\{?\w*(?:secret|token|password|passwd|api_?key)\w*
    | \b(?:sa\s+(?:get|new)-token|whoami\s+(?:-t|--show-token)|get-login-password|get-session-token|get-access-token)\b
    | \bkubeadm\s+token\s+(?:create|list)\b | \bansible-vault\s+(?:view|decrypt|edit)\b | \bsops\s+(?:-d|--decrypt|decrypt)\b
    | --export-secret-keys\b | \bconfig\.json\b(?<=\.docker/config\.json)
    | (?:-u|--user)[=\s]+["']?[\w.$<{}>-]+:[^\s@/]+
    | /etc/shadow\b | \bid_(?:rsa|ed25519|ecdsa)\b(?!\.pub)
    | (?:^|[\s/=])(?:(?![\w.-]*(?:cert|chain|\bca\b|pub|crt))[\w.-]*\.pem|[\w.-]+\.(?:key|p12|pfx|jks))\b(?=\s*$|\s*\|)
    | \b\.(?:pgpass|netrc|aws/credentials|kube/config)\b | \bcat\s+\S*(?:token|secret|password|credential)\S*
    | /proc/[^\s/]+/environ | \bconfig\s+view\b.*--raw | :[^\s:/@]+@[\w.-]+
    """
)
_FOLLOWS = re.compile(r"(?:^|\s)(?:-[a-zA-Z]*[fF][a-zA-Z]*|--follow(?:=true|=name)?|--retry)(?=\s|$)")
_WATCHES = re.compile(r"(?:^|\s)(?:-w|--watch|--watch-only|-watch)(?:=true)?(?=\s|$)")
# What a terminal writes before a command.
_PROMPT = re.compile(r"(?:\[[^\]\n]*\]|[\w.-]+@[\w.-]+(?::\S*)?|(?:ba)?sh-[\d.]+)\s?[#$]\s+")
_META = re.compile(r"[|;&<>]")
# Rows of a table and lines of a configuration, as programs print them.
_COLUMNS = re.compile(r"\S(?:\t| {2,})\S+.*\S(?:\t| {2,})\S")
_AMOUNT = re.compile(r"[\d.,:]+[a-zA-Z%]?")
_TIMED = re.compile(r"(?:^|[\s;|&(])timeout\s+(?:-\S+\s+)*\d")
_METHOD = re.compile(r"(?:-X|--request)[=\s]*[\"']?(?:POST|PUT|PATCH|DELETE)\b", re.IGNORECASE)
_WRITES = re.compile(r"(?<![0-9&<>=-])>{1,2}\s*(?!/dev/(?:null|stderr|stdout)|&)[\w./~$\"'<{-]")
_PROSE = re.compile(r"[A-Za-z][a-z']*(?:[ ,]+[A-Za-z0-9'()/-]+){2,}[.:,!?]?")


def classify(line: str) -> str:
    """The kind of a command line: one of `KINDS`; whatever the text is, this returns.

    "check" reads and ends, "follow" does not end by itself, "interactive" wants a terminal, "change" alters
    something, "secret" prints or carries a credential, "noise" is no command. The worst of them counts.
    """
    said = line[:_LONGEST].strip()
    text = said.lstrip("$#> ").strip()
    text = text[found.end() :] if (found := _PROMPT.match(text)) else text
    if _is_noise(text, is_comment=said.startswith("#")):
        return "noise"
    if _SECRET.search(text):
        return "secret"
    kinds = {_kind_of(command) for command in _commands(text)}
    if _WRITES.search(_bare(text)):
        kinds.add("change")
    if _TIMED.search(text):
        kinds.discard("follow")
    if text.endswith("&") and not text.endswith("&&"):
        kinds.add("follow")
    return next((kind for kind in ("interactive", "change", "follow") if kind in kinds), "check")


def _is_noise(text: str, *, is_comment: bool) -> bool:
    if not text or not re.search(r"[A-Za-z]", text) or re.fullmatch(r"<[^<>]*>", text):
        return True
    words = text.lstrip("(! ").split()
    if not words or words[0] in {"[", "[["}:
        return not words
    first = words[0]
    if len(words) > 2 and all(re.fullmatch(r"[A-Z][A-Z0-9()%-]*", word) for word in words):
        return True
    if first in {"for", "while", "if", "until"}:
        return re.search(r"\b(?:do|then)\b", text) is None
    program = _META.split(first)[0] or first
    if not _PROGRAM.fullmatch(program.strip("\"'")) and not _ASSIGNMENT.match(first):
        return True
    if _AMOUNT.fullmatch(first) or words[1:2] == ["="]:
        return True
    if first.endswith((":", ",")) or (first[0].isupper() and first.isalpha() and not first.isupper()):
        return True
    known = program.rpartition("/")[2]
    others = (ALWAYS_CHANGE, READERS, PREFIXES, ENDLESS, EDITORS, SHELLS, SQL_CLIENTS, CLOUD)
    is_known = known in CHANGES or any(known in names for names in others)
    if not (is_known or "=" in first or "/" in program) and (text.startswith("(") or _is_row(text)):
        return True
    has_syntax = re.search(r"(?:^|\s)-|[|/=$<>{}\"'`_\d]", text) is not None
    if is_known or has_syntax:
        return False
    return (is_comment and len(words) > 1) or (len(words) > 3 and _PROSE.fullmatch(text) is not None)


def _is_row(text: str) -> bool:
    """Whether it is set in columns; a command whose lines were joined has options."""
    shown = re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", "q", text)
    return _COLUMNS.search(shown) is not None and re.search(r"\s--?\w", shown) is None


def _bare(text: str) -> str:
    return re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|<[\w .-]+>|=>|->", " ", text)


def _commands(text: str) -> Iterator[list[str]]:
    """Every command of a line, those inside substitutions too, as words without quotes."""
    for inner in _SUBSTITUTION.finditer(text):
        yield from _split(inner[1] or inner[2] or "")
    yield from _split(_SUBSTITUTION.sub(" substituted ", text))


def _split(text: str) -> Iterator[list[str]]:
    masked = re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", lambda quoted: "\0" * len(quoted.group()), text)
    start = 0
    for cut in [*_SPLIT.finditer(masked), None]:
        end = cut.start() if cut else len(text)
        words = [word.strip("'\"") for word in _WORD.findall(text[start:end])]
        if words := _without_prefix(words):
            yield words
            yield from _inside(words)
        start = cut.end() if cut else end


_BEFORE = frozenset({"do", "then", "else", "if", "elif", "{", "(", "!"})


def _inside(words: list[str]) -> Iterator[list[str]]:
    """The commands that a command runs elsewhere: in a container, on another machine, in a shell."""
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name in {"kubectl", "oc", "k"} and "--" in rest:
        yield from _split(" ".join(rest[rest.index("--") + 1 :]))
    elif name in SHELLS and "-c" in rest[:-1]:
        yield from _split(rest[rest.index("-c") + 1])
    elif name == "ssh" or (name in OF_CONTAINERS and "exec" in rest):
        after = rest[rest.index("exec") + 1 :] if name != "ssh" else rest
        yield from _split(" ".join(_after_place(name, after)))


def _after_place(name: str, words: list[str]) -> list[str]:
    """What stands behind the name of a container or a machine."""
    while words and words[0].startswith("-"):
        option, *words = words
        if option in BEFORE_A_COMMAND[name]:
            words = words[1:]
    return words[1:]


def _without_prefix(words: list[str]) -> list[str]:
    while words:
        name = words[0].rpartition("/")[2]
        if words[0].startswith("(") and len(words[0]) > 1:
            words = [words[0][1:], *words[1:]]
        elif name in {"while", "until"} and words[1:2] not in (["true"], [":"]):
            words = words[1:]
        elif _ASSIGNMENT.match(words[0]) or name in PREFIXES or name in _BEFORE:
            words, is_shell = words[1:], False
            while words and (words[0].startswith("-") or re.fullmatch(r"\d+[smh]?", words[0])):
                option, *words = words
                is_shell = is_shell or (option in {"-i", "-s"} and name in {"sudo", "doas"})
                if option in OPTIONS_WITH_A_WORD.get(name, ()):
                    words = words[1:]
            if is_shell and not words:
                return ["sudo-shell"]
        else:
            break
    return words


def _kind_of(words: Sequence[str]) -> str:
    name, rest = words[0].rpartition("/")[2], list(words[1:])
    line = " ".join(words)
    plain = [word for word in rest if not word.startswith("-")]
    if interactive := _wants_terminal(name, rest, plain):
        return interactive
    if _changes(name, rest, plain, line):
        return "change"
    if _goes_on(name, rest, plain, line):
        return "follow"
    return "check"


def _wants_terminal(name: str, rest: list[str], plain: list[str]) -> str:
    if name in EDITORS and not (name == "top" and any("b" in word for word in rest if word.startswith("-"))):
        return "interactive"
    if name in {"sudo-shell", "su"}:
        return "interactive"
    if name in SHELLS and not rest:
        return "interactive"
    if name in {"kubectl", "oc", "k"} or name in OF_CONTAINERS:
        return _wants_terminal_in_container(name, rest, plain)
    if name == "ssh" and len(plain) < 2:
        return "interactive"
    if name in SQL_CLIENTS and not any(
        word.startswith(("-c", "-e", "-f", "-l", "--command", "--eval", "--version")) for word in rest
    ):
        told = [
            word
            for before, word in zip(["", *rest], rest, strict=False)
            if not (word.startswith("-") or re.fullmatch("-[a-zA-Z]", before))
        ]
        return "interactive" if len(told) < 2 and "<" not in rest else ""
    if name == "redis-cli" and not [word for word in plain if not word.isdecimal() and "." not in word]:
        return "interactive"
    if name == "kill" or not plain:
        return "interactive" if name == "crontab" and "-e" in rest else ""
    return "interactive" if TERMINALS.get(name, frozenset()) & set(plain[:3]) else ""


_IN_CONTAINERS = frozenset({"exec", "rsh", "debug", "attach", "edit", "run"})
# One of these before them, and they are mere words.
_FOR_CONTAINERS = frozenset(
    {
        "get", "describe", "logs", "top", "explain", "delete", "create", "apply", "patch", "scale", "rollout",
        "label", "annotate", "cordon", "drain", "adm", "pull", "push", "ps", "inspect", "images", "stop",
        "start", "restart", "build", "up", "down", "cp", "wait",
    }
)  # fmt: skip


def _wants_terminal_in_container(name: str, rest: list[str], plain: list[str]) -> str:
    verbs = [word for word in plain if word in _IN_CONTAINERS or word in _FOR_CONTAINERS]
    if not verbs or verbs[0] in _FOR_CONTAINERS:
        return ""
    if verbs[0] in {"rsh", "debug", "attach", "edit"}:
        return "interactive"
    asks = any(re.fullmatch(r"-[a-z]*(?:it|ti)[a-z]*|--tty|--stdin|-i|-t", word) for word in rest)
    shells = any(word.rpartition("/")[2] in {"bash", "sh", "zsh", "ash"} for word in plain)
    runs = "-c" in rest[rest.index("--") :] if "--" in rest else False
    if verbs[0] == "exec" and name in OF_CONTAINERS:
        command = _after_place(name, rest[rest.index("exec") + 1 :])
        is_shell = bool(command) and command[0].rpartition("/")[2] in SHELLS and "-c" not in command
        return "interactive" if asks or not command or is_shell else ""
    if verbs[0] == "exec" and (asks or "--" not in rest) and len(plain) <= 5 and not runs:
        return "interactive"
    return "interactive" if asks or (shells and not runs) else ""


def _changes(name: str, rest: list[str], plain: list[str], line: str) -> bool:
    if name in ALWAYS_CHANGE:
        return _really_changes(name, rest, plain)
    if name in WRITERS:
        return any(word.startswith(option) for word in rest for option in WRITERS[name])
    if name in CHANGES:
        early = rest if name.startswith("kafka") else plain[:6]
        is_kube = name in {"kubectl", "oc", "k"}
        early = [word.lower() for word in early] if name in {"redis-cli", "valkey-cli"} else early
        verbs = [word for word in early if word in CHANGES[name]]
        if verbs and not any(word.startswith("--dry-run") for word in rest):
            # Of kubectl the first known verb counts: `get` before anything else reads.
            reading = [
                word
                for word in plain
                if word in {"get", "describe", "logs", "top", "explain", "can-i", "history"}
            ]
            return not (is_kube and reading and plain.index(reading[0]) < plain.index(verbs[0]))
    if name in CLOUD:
        return any(_CLOUD_CHANGE.fullmatch(word) for word in plain[:5])
    if name in SQL_CLIENTS:
        return _SQL.search(line) is not None
    if name == "curl":
        return _METHOD.search(line) is not None or _saves(rest)
    if name == "sed":
        return any(re.fullmatch(r"-[a-zA-Z]*i\S*|--in-place\S*", word) for word in rest)
    if name == "sysctl":
        return "-w" in rest or "-p" in rest or any("=" in word for word in plain)
    if name == "find":
        return "-delete" in rest or ("-exec" in rest and any(word in ALWAYS_CHANGE for word in rest))
    if name in {"iptables", "ip6tables", "nft", "ufw", "firewall-cmd"}:
        return not any(
            word in {"-L", "-S", "list", "status", "--list-all", "-nL", "-vnL", "--state"} for word in rest
        )
    return name == "hostnamectl" and "set-hostname" in plain


def _saves(rest: list[str]) -> bool:
    """Whether curl writes what it gets to a file."""
    named = [after for word, after in zip(rest, [*rest[1:], ""], strict=True) if word in {"-o", "--output"}]
    return any(file not in {"-", "/dev/null"} for file in named) or any(
        re.fullmatch(r"-[a-zA-Z]*O|--remote-name", word) for word in rest
    )


def _really_changes(name: str, rest: list[str], plain: list[str]) -> bool:
    """Some of these can only look as well."""
    if name == "update-alternatives":
        return not {"--display", "--list", "--query", "--get-selections"} & set(rest)
    if name == "parted":
        return not any(word.split()[-1:] in (["print"], ["p"]) for word in plain[-1:])
    if name in {"mount", "crontab", "fdisk"}:
        return not (not rest or (any(word in {"-l", "-t", "--list"} for word in rest) and len(plain) < 2))
    if name == "tar":
        return not (rest and "t" in rest[0].lstrip("-")[:2] and "c" not in rest[0] and "x" not in rest[0])
    if name == "kill":
        return rest[:1] not in (["-0"], ["-l"])
    if name == "wget":
        return (
            not any(word in {"-qO-", "-O-", "--spider", "-qSO-"} or "O-" in word for word in rest)
            and "-" not in rest
        )
    return True


def _goes_on(name: str, rest: list[str], plain: list[str], line: str) -> bool:
    options = " ".join(word for word in rest if word.startswith("-"))
    if name in GOES_ON:
        return bool(GOES_ON[name] & set(rest))
    if name in STOPS_WITH:
        return not any(word.startswith(option) for word in rest for option in STOPS_WITH[name])
    if name in ENDLESS:
        return True
    if name in {"tail", "journalctl"} or "logs" in plain[:4]:
        return _FOLLOWS.search(f" {options} ") is not None
    if name in {"kubectl", "oc", "k"}:
        return bool(_WATCHES.search(f" {options} ")) or any(
            word in {"proxy", "port-forward"} for word in plain[:3]
        )
    if name == "dmesg":
        return bool(re.search(r"(?:^|\s)(?:-w|-W|--follow)", options))
    if name in {"vmstat", "iostat", "mpstat", "sar", "pidstat", "dstat"}:
        numbers = [word for word in plain if word.isdecimal()]
        return len(numbers) == 1
    if name in {"docker", "podman"}:
        return any(word in {"stats", "events"} for word in plain[:1]) and "--no-stream" not in rest
    if name == "redis-cli":
        return (
            any(word.lower() in {"monitor", "subscribe", "psubscribe"} for word in plain) or "--stat" in rest
        )
    return (
        (name in {"while", "until"} or (name == "sleep" and plain[:1] == ["infinity"]))
        or (name == "nc" and "-l" in rest)
        or "--watch" in line
    )
