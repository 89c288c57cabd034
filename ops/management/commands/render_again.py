"""Render stored Markdown anew where its HTML is out of date: after an upgrade, or after SQL by hand."""

from typing import Any

from django.core.management.base import BaseCommand

from postmortem import rendering


class Command(BaseCommand):
    help = "Render stored Markdown anew where its HTML is out of date."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, count in rendering.again().items():
            self.stdout.write(f"{name}: {count}")
