"""Try the sandbox of commands with a hostile script, and say how well it holds."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from remediation.probes import sandbox, seccomp


class Command(BaseCommand):
    help = "Try the sandbox in which checks run commands; ends with 1 where commands would be refused."

    def handle(self, *args: Any, **options: Any) -> None:
        sandbox.bubblewrap.cache_clear()
        found, reason = sandbox.bubblewrap()
        if found is None and settings.SHELL_PROBE_SANDBOX == "landlock":
            self.stdout.write(reason)
            sandbox.landlock.cache_clear()
            found, reason = sandbox.landlock()
        if found is not None:
            filtered = "filtered" if seccomp.program() else "not filtered: no numbers for this machine"
            self.stdout.write(f"Level: {found.level}; system calls are {filtered}.")
            self._networks(found.level)
            return
        self.stdout.write(reason)
        if settings.SHELL_PROBE_SANDBOX != "none":
            raise CommandError("Commands are refused here, but for the built-in ones.")
        self.stdout.write(
            self.style.WARNING("Level: none. Limits alone hold commands here: development only.")
        )

    def _networks(self, level: str) -> None:
        """Whether the networks that are allowed by name hold."""
        for network in settings.SHELL_PROBE_NETWORKS:
            found, reason = sandbox.landlock(network) if level == "landlock" else sandbox.bubblewrap(network)
            self.stdout.write(f"Network {network}: {'holds' if found else reason}")
