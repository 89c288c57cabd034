"""Runs the benchmarks one after the other: `python -m benchmarks [name …]`, all of them by default."""

import subprocess
import sys

NAMES = ["audit", "gate", "checks", "probes", "lists", "pages", "report"]


def main() -> int:
    chosen = sys.argv[1:] or NAMES
    if unknown := set(chosen) - set(NAMES):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}.")
        return 2
    missed = 0
    for name in chosen:
        print(f"== {name}", flush=True)
        missed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
