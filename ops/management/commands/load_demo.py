"""Load the demo's story into an empty installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from ops.story import senders
from ops.story.judgements import judge
from ops.story.people import DEMO_EMAIL, gather
from ops.story.tell import tell


class Command(BaseCommand):
    help = "Load the demo: teams, two incidents with everything that followed, and a few smaller ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--password-file", type=Path, required=True, help=f"Holds the password for {DEMO_EMAIL}."
        )

    def handle(self, *args: Any, password_file: Path, **options: Any) -> None:
        if User.objects.filter(email=DEMO_EMAIL).exists():
            self.stdout.write("The demo is loaded already; nothing was changed.")
            return
        if User.objects.exists():
            raise CommandError(
                "This installation holds people already. The demo goes only into an empty one."
            )
        try:
            password = password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CommandError(f"Cannot read {password_file}: {error.strerror}.") from None
        if len(password) < 12:
            raise CommandError(f"The password in {password_file} has fewer than 12 characters.")
        now = timezone.now()
        with transaction.atomic():
            cast = gather(password=password)
            tell(cast, now=now)
            senders.tell(cast, now=now)
            judge(cast, now=now)
        self.stdout.write("The demo is loaded.")
