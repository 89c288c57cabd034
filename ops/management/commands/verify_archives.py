"""Recompute the hash of everything archived, and name what is not as it was archived."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from postmortem import revisions
from postmortem.models import Revision


class Command(BaseCommand):
    help = "Recompute the hashes of all archived postmortems; ends with 1 when one says something else now."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for fault in revisions.verify():
            count += 1
            self.stdout.write(f"{fault.subject}: {fault.what}")
        if count:
            raise CommandError(f"{count} differences.")
        self.stdout.write(f"{Revision.objects.count()} revisions are as they were archived.")
