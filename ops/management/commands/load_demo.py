"""Load the demo's story into an empty installation."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from ops.story import senders, sources
from ops.story.items import CLAIMABLE
from ops.story.judgements import judge
from ops.story.people import DEMO_EMAIL, SECOND_EMAIL, gather
from ops.story.tell import tell
from remediation.models import RemediationItem


class Command(BaseCommand):
    help = "Load the demo: teams, two incidents with everything that followed, and a few smaller ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--password-file", type=Path, required=True,
            help=f"Holds the password for {DEMO_EMAIL} and {SECOND_EMAIL}.",
        )  # fmt: skip
        parser.add_argument(
            "--prometheus-url", default="", help="A Prometheus that the story's checks may ask."
        )
        parser.add_argument(
            "--told-file", type=Path, help="Where to write, as JSON, the login and the item to try."
        )

    def handle(
        self,
        *args: Any,
        password_file: Path,
        prometheus_url: str = "",
        told_file: Path | None = None,
        **options: Any,
    ) -> None:
        now = timezone.now()
        with transaction.atomic():
            if User.objects.filter(email=DEMO_EMAIL).exists():
                self.stdout.write("The demo is loaded already.")
            else:
                self._load(password_file, now=now)
            if prometheus_url:
                sources.connect(prometheus_url, by=User.objects.get(email=DEMO_EMAIL), now=now)
        if told_file is not None:
            told_file.write_text(json.dumps(_told()), encoding="utf-8")

    def _load(self, password_file: Path, *, now: datetime) -> None:
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
        cast = gather(password=password)
        tell(cast, now=now)
        senders.tell(cast, now=now)
        judge(cast, now=now)
        self.stdout.write("The demo is loaded.")


def _told() -> dict[str, str]:
    """What the terminal says of the story; an older one has neither."""
    second = User.objects.filter(email=SECOND_EMAIL, is_active=True).first()
    claimable = RemediationItem.objects.filter(
        title=CLAIMABLE, verification_checks__interval_seconds=60, verification_checks__is_paused=False
    ).first()
    return {
        "second_login": SECOND_EMAIL if second is not None and second.has_usable_password() else "",
        "item": str(claimable) if claimable is not None else "",
    }
