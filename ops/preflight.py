"""Looks over the environment before anything starts: `python -m ops.preflight`, for R29 and systemd.

It names what is missing, misspelt, left unexpanded ($HOME) or wrong, each in a line, and prints no value.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_SETTINGS = Path(__file__).resolve().parent.parent / "config" / "settings.py"
# With what stands in for one that is missing, while the others are looked at.
REQUIRED = {"SECRET_KEY": "x", "DATABASE_URL": "postgres://x@/x", "REDIS_URL": "redis://x"}
# Read by others than config/settings.py.
_OTHERS = frozenset({"DJANGO_SETTINGS_MODULE", "CLOSELOOP_HOME", "CLOSELOOP_REQUIRE_ALL"})
_READ = re.compile(r"env\.\w+\(\s*\"([A-Z_]+)\"")
_UNEXPANDED = re.compile(r"\$(\w+|\{\w+\})")
# Two letters that changed places, or one too many or too few, are nearer than this.
_NEAR = 0.85


def known() -> frozenset[str]:
    """The names that the settings read, from their source: it can be read where they fail."""
    names = set(_READ.findall(_SETTINGS.read_text()))
    return frozenset(names | {f"{name}_FILE" for name in names} | _OTHERS)


def misspelt(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """(a name that is set and read by nobody, the known one it is near): an environment has many others."""
    names = known()
    return [
        (name, near[0])
        for name in sorted(set(environ) - names)
        if (near := difflib.get_close_matches(name, names, n=1, cutoff=_NEAR))
    ]


def read_file(path: Path) -> dict[str, str]:
    """The variables of an environment file: one NAME=value a line, # begins a comment."""
    found = {}
    for line in path.read_text().splitlines():
        name, is_set, value = line.strip().partition("=")
        if is_set and not name.startswith("#"):
            found[name.strip()] = value.strip()
    return found


def problems(environ: Mapping[str, str], *, file: Mapping[str, str]) -> Iterator[str]:
    """What is wrong, a sentence each.

    Args:
        environ: what the programs will see.
        file: the part of it that comes from Closeloop's own file, where every name must be known.
    """
    near = dict(misspelt(environ))
    for name in REQUIRED:
        if not environ.get(name) and not environ.get(f"{name}_FILE"):
            yield f"{name} is not set, nor {name}_FILE."
    for name in sorted(set(near) | (set(file) - known())):
        hint = f"; {near[name]} is meant, perhaps" if name in near else ""
        yield f"{name} is unknown and does nothing{hint}."
    names = known()
    for name in sorted(names & set(environ)):
        if _UNEXPANDED.search(environ[name]) and not name.endswith(("KEY", "KEYS", "PASSWORD", "TOKEN")):
            yield f"{name} holds a $VARIABLE that nothing expands."
        if name.endswith("_FILE") and not os.access(environ[name], os.R_OK):
            yield f"{name} names a file that cannot be read."


def _wrong_values() -> Iterator[str]:
    """What the settings refuse; a value that was named is taken away, so that they come to the next one."""
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    for name, stand_in in REQUIRED.items():
        if f"{name}_FILE" not in os.environ:
            os.environ[name] = os.environ.get(name) or stand_in
    while True:
        try:
            # The first look at one reads them all.
            getattr(settings, "DEBUG")  # noqa: B009
        except ImproperlyConfigured as problem:
            yield str(problem)
            name = str(problem).split()[0]
            if os.environ.pop(name, None) is None:
                return
        else:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description="Look over the environment before Closeloop starts.")
    parser.add_argument("--env-file", type=Path, help="take the variables of this file as set, too")
    path: Path | None = parser.parse_args().env_file
    file = read_file(path) if path else {}
    os.environ.update(file)
    found = list(problems(os.environ, file=file))
    # What is missing is said once.
    named = {line.split()[0] for line in found}
    found += [problem for problem in _wrong_values() if problem.split()[0] not in named]
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
