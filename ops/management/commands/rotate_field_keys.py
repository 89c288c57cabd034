"""Encrypt every stored secret anew under the first of its keys, or print a new key."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import encryption
from postmortem import trail


class Command(BaseCommand):
    help = (
        "Encrypt stored secrets anew under the first key of FIELD_KEYS, those of probes under the first of "
        "PROBE_SECRET_KEYS; afterwards the others can go. "
        "--new ID prints a key, --check only looks; ends with 1 when a secret cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new", metavar="ID", help="print a new key and do nothing else")
        parser.add_argument("--check", action="store_true", help="change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new"]:
            self.stdout.write(encryption.new_key(options["new"]))
            return
        if not encryption.has_keys():
            raise CommandError("FIELD_KEYS is not set.")
        newest = next(iter(settings.FIELD_KEYS))
        counts = {"current": 0, "older": 0, "unreadable": 0}
        for column in encryption.secret_columns():
            if column.keys != encryption.FIELD_KEYS and not encryption.has_keys(column.keys):
                continue
            newest_here = next(iter(getattr(settings, column.keys)))
            for kind in self._column(column, newest_here, is_dry=options["check"]):
                counts[kind] += 1
        self.stdout.write(
            f"{counts['current']} secrets are under {newest!r}, {counts['older']} "
            f"{'would be' if options['check'] else 'were'} encrypted anew."
        )
        if counts["unreadable"]:
            raise CommandError(f"{counts['unreadable']} secrets cannot be read; type them again.")

    def _column(self, column: encryption.SecretField, newest: str, *, is_dry: bool) -> list[str]:
        """What became of each row's secret: "current", "older" or "unreadable"."""
        rows = column.model._base_manager.exclude(**{column.attname: ""}).order_by("pk")
        kinds = []
        for pk in list(rows.values_list("pk", flat=True)):
            with trail.act("ops.rotate_field_keys", by=None):
                row = rows.select_for_update().filter(pk=pk).first()
                if row is None:
                    continue
                secret: encryption.Secret = getattr(row, column.attname)
                try:
                    plain = secret.reveal()
                except encryption.NoKey as problem:
                    self.stderr.write(f"{column.purpose} of row {pk}: {problem}")
                    kinds.append("unreadable")
                    continue
                is_current = secret.key_id == newest
                kinds.append("current" if is_current else "older")
                if not is_current and not is_dry:
                    fresh = encryption.seal(plain, purpose=column.purpose, keys=column.keys)
                    column.model._base_manager.filter(pk=pk).update(**{column.attname: fresh})
        return kinds
