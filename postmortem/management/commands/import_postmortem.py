"""Read postmortems that were written elsewhere, say what was understood, and take them in when asked to."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from postmortem import imports
from postmortem.errors import DomainError
from postmortem.importing.draft import Draft, Moment
from postmortem.models import IncidentService, Service, Severity


class Command(BaseCommand):
    """`--accept` files each document whose facts are sure, or given here; the others are named."""

    help = "Read postmortems (Markdown) into drafts; with --accept, make incidents and reviews of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--by", metavar="EMAIL", help="who imports; needed to keep or accept anything")
        parser.add_argument("--keep", action="store_true", help="keep the draft, to be accepted on its page")
        parser.add_argument("--accept", action="store_true", help="make the incident and its review at once")
        parser.add_argument("--severity", metavar="CODE", help="for documents that state none, such as P2")
        parser.add_argument("--service", metavar="SLUG", help="the origin, for documents that name none")
        parser.add_argument(
            "--zone", metavar="ZONE", help="for documents that state none, such as Europe/Paris"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        by = self._person(options["by"], is_needed=options["accept"] or options["keep"])
        failed = 0
        for name in options["files"]:
            try:
                self._one(Path(name), by, options)
            except (DomainError, OSError) as error:
                failed += 1
                said = f"{error.field}: {error.message}" if isinstance(error, DomainError) else str(error)
                self.stderr.write(self.style.ERROR(f"{name}: {said}"))
        if failed:
            raise CommandError(f"{failed} of {len(options['files'])} files were not taken in.")

    def _person(self, address: str | None, *, is_needed: bool) -> User | None:
        if not is_needed:
            return None
        person = User.objects.filter(email__iexact=address or "", is_active=True).first()
        if person is None:
            raise CommandError("--by must be the address of an active person.")
        return person

    def _one(self, path: Path, by: User | None, options: dict[str, Any]) -> None:
        text = imports.decoded(path.read_bytes())
        if by is None:
            self._tell(path, imports.read(text, file_name=path.name))
            return
        document = imports.add(source=text, file_name=path.name[-200:], by=by, now=timezone.now())
        draft = Draft.from_json(document.draft)
        self._tell(path, draft)
        if options["accept"]:
            try:
                document = imports.accept(document, **self._facts(draft, options), by=by, now=timezone.now())
            except DomainError:
                imports.discard(document, by=by, now=timezone.now())
                raise
            self.stdout.write(self.style.SUCCESS(f"  became {document.incident} and {document.review}"))
        else:
            self.stdout.write(f"  kept as {document}")

    def _facts(self, draft: Draft, options: dict[str, Any]) -> dict[str, Any]:
        """What an acceptance needs: sure facts of the document first, then those given with the command."""
        zone = (draft.zone.value if draft.zone and draft.zone.is_sure else "") or options["zone"] or ""
        code = draft.severity.value if draft.severity else ""
        severity = Severity.objects.filter(code__in=[code, options["severity"] or ""]).order_by("-rank")
        by_code = {one.code: one for one in severity}
        services = imports.suggested_services(draft)
        if not services and options["service"]:
            services = [
                (one, IncidentService.Part.ORIGIN) for one in Service.objects.filter(slug=options["service"])
            ]
        started = imports.moment_at(draft.started, zone=zone)
        missing = {
            "title": draft.title is None,
            "severity (--severity)": not by_code,
            "service (--service)": not services,
            "zone (--zone)": not zone,
            "start": started is None,
        }
        if any(missing.values()):
            names = ", ".join(name for name, is_missing in missing.items() if is_missing)
            raise imports.NotSure(f"not sure, so settle it on the page: {names}")
        assert draft.title is not None  # noqa: S101 (listed above)
        return {
            "title": draft.title.value[:200],
            "severity": by_code.get(code) or next(iter(by_code.values())),
            "services": services,
            "zone": zone,
            "started_at": started,
            "detected_at": imports.moment_at(draft.detected, zone=zone),
            "resolved_at": imports.moment_at(draft.ended, zone=zone),
        }

    def _tell(self, path: Path, draft: Draft) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(str(path)))
        if draft.is_template:
            self.stdout.write("  an empty template: nothing is filled in")
            return
        self._line("title", draft.title.value if draft.title else "")
        for name, moment in (
            ("started", draft.started),
            ("detected", draft.detected),
            ("ended", draft.ended),
        ):
            self._line(name, self._moment(moment))
        self._line("zone", draft.zone.value if draft.zone else "", draft.zone.doubts if draft.zone else ())
        self._line("severity", draft.severity.value if draft.severity else "")
        self._line("services", ", ".join(said.value for said in draft.services if said.is_sure))
        doubtful = [entry for entry in draft.entries if not entry.moment.is_sure]
        self._line("entries", f"{len(draft.entries)}, {len(doubtful)} of them with a doubtful time")
        for entry in doubtful:
            self.stdout.write(self.style.WARNING(f"    ? {entry.label} ({', '.join(entry.moment.doubts)})"))
        self._line("actions", str(len(draft.actions)))
        self._line("causes", str(len(draft.causes)))
        if draft.doubts:
            self._line("doubts", ", ".join(draft.doubts))

    def _moment(self, moment: Moment | None) -> str:
        if moment is None:
            return ""
        said = f"{moment.local or '?'} {moment.zone}".strip()
        return said if moment.is_sure else f"? {said} ({', '.join(moment.doubts)})"

    def _line(self, name: str, value: str, doubts: tuple[str, ...] = ()) -> None:
        tail = f" ({', '.join(doubts)})" if doubts else ""
        self.stdout.write(f"  {name:<9} {value or '–'}{tail}")
