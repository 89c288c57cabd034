"""Goal G8: what a command in its sandbox costs, against the same sandbox put up by hand.

    python -m benchmarks.probes [--probes 40] [--rounds 5]

Ours is `shell.run` of `sh -c true`: sandbox chosen, system calls filtered, output read and bounded, its time
limited, its result judged. By hand it is setpriv, prlimit and bwrap with the same namespaces and mounts,
started by subprocess.run. Both take turns; what counts is the CPU of this process and of all that it started.
Then ours again while this process holds 300 MB, which must cost the same: nothing copies it.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable

from benchmarks.loads import Goal
from remediation.probes import sandbox, shell

BALLAST_BYTES = 300 * 1024 * 1024
COMMAND = ("sh", "-c", "true")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--probes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    box, reason = sandbox.bubblewrap()
    if box is None:
        print(f"G8 skipped: {reason}")
        return 0
    argv = [*box.front, "--", *box.inside, *COMMAND]
    sides: dict[str, Callable[[], None]] = {"by hand": lambda: _by_hand(argv), "ours": _ours}
    took: dict[str, list[float]] = {"by hand": [], "ours": [], "with 300 MB": []}
    for side in sides.values():
        _cost(side, 5)
    for _ in range(options.rounds):
        for name, side in sides.items():
            took[name].append(_cost(side, options.probes))
        ballast = b"\1" * BALLAST_BYTES
        took["with 300 MB"].append(_cost(_ours, options.probes))
        del ballast
    median = {name: statistics.median(values) for name, values in took.items()}
    for name, value in median.items():
        print(f"{name:12} {value:6.2f} ms CPU a probe")
    goals = [
        Goal("G8", median["ours"] / median["by hand"], 1.15, True, "a probe / its sandbox by hand"),
        Goal(
            "G8", median["with 300 MB"] / median["ours"], 1.1, True, "in a process of 300 MB / in a small one"
        ),
    ]
    for goal in goals:
        print(goal)
    return 0 if all(goal.is_met for goal in goals) else 1


def _ours() -> None:
    result = shell.run(shell.Command([list(COMMAND)], "success", "", 10.0))
    if (result.outcome, result.sandbox) != ("pass", "bubblewrap"):
        raise SystemExit(f"The probe should pass: {result}")


def _by_hand(argv: list[str]) -> None:
    subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        cwd="/",
        env=dict(sandbox.ENVIRONMENT),
    )


def _cost(call: Callable[[], None], times: int) -> float:
    """CPU milliseconds of one call, of this process and its children."""
    before = _cpu()
    for _ in range(times):
        call()
    return 1e3 * (_cpu() - before) / times


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    sys.exit(main())
