"""Removes evidence files that no row names, which a crash may leave, and says which rows lost theirs."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from postmortem import evidence


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than-hours",
            type=int,
            default=1,
            help="leave younger files alone: an upload may still be on its way (default: 1)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - timedelta(hours=options["older_than_hours"])
        removed, lost = evidence.sweep(before=before)
        self.stdout.write(f"{len(removed)} file{'' if len(removed) == 1 else 's'} without a row removed.")
        for row in lost:
            self.stdout.write(self.style.ERROR(f"The file of evidence {row.pk} ({row.label}) is missing."))
