"""The gate's policy as code: say what a file would change, change it, or write the file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from governance import gates, policyfiles
from governance.gates import Step
from governance.policyfiles import PolicyFile, PolicyFileWrong
from postmortem.errors import DomainError

_SIGNS = {"add": "+", "change": "~", "remove": "-", "keep": "="}
# As `diff` and `terraform plan -detailed-exitcode` have it.
DIFFERS = 2


class Command(BaseCommand):
    """A row that is the same in the file keeps its version; applying a file twice changes nothing."""

    help = "The gate's policy as code: plan, apply, export."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="plan|apply|export")
        for name, says in (
            ("plan", "say what a file would change"),
            ("apply", "make the policy what a file says"),
        ):
            one = acts.add_parser(name, help=says)
            one.add_argument(
                "-f", "--file", required=True, metavar="FILE", help="YAML; docs/gate.md says how"
            )
            if name == "apply":
                one.add_argument(
                    "--by", required=True, metavar="EMAIL", help="the governor who answers for it"
                )
            else:
                one.add_argument(
                    "--exit-code", action="store_true", help=f"end with {DIFFERS} when something would change"
                )
        acts.add_parser("export", help="write the present policy as a file, to the standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "export":
            self.stdout.write(policyfiles.write(gates.rows()), ending="")
            return
        name = options["file"]
        try:
            wanted = policyfiles.read(Path(name).read_text(encoding="utf-8"))
            steps = self._steps(wanted, options)
        except PolicyFileWrong as refusal:
            raise CommandError(f"{name}:{refusal.line}: {refusal.message}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name}: {error}") from None
        for step in steps:
            self._tell(step)
        changed = sum(step.act != "keep" for step in steps)
        self.stdout.write(
            f"{changed} of {len(steps)} rows {'change' if options['act'] == 'plan' else 'changed'}."
        )
        if changed and options.get("exit_code"):
            raise SystemExit(DIFFERS)

    def _steps(self, wanted: PolicyFile, options: dict[str, Any]) -> list[Step]:
        by = self._governor(options["by"]) if options["act"] == "apply" else None
        try:
            if by is None:
                return gates.plan(wanted.rows)
            return gates.replace(wanted.rows, by=by, now=timezone.now())
        except DomainError as refusal:
            raise wanted.at_its_line(refusal) from None

    def _governor(self, address: str) -> User:
        person = User.objects.filter(email__iexact=address, is_active=True).first()
        if person is None or not person.is_at_least(User.Role.GOVERNOR):
            raise CommandError("--by must be the address of an active governor.")
        return person

    def _tell(self, step: Step) -> None:
        self.stdout.write(f"{_SIGNS[step.act]} {step.name}")
        for name, (before, after) in step.changes.items():
            if step.act == "change":
                self.stdout.write(f"    {name}: {_said(before)} -> {_said(after)}")


def _said(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
