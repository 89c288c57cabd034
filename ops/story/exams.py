"""The exam of a process defect in the demo: written, and sat by as many as the story says."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from remediation import exams
from remediation.models import CheckRun, CheckStanding, RemediationItem, VerificationCheck

_QUESTIONS = [
    {
        "text": "Who approves a release that skips a step of the procedure?",
        "kind": "single",
        "options": ["Nobody: the step is done", "The release engineer", "The service's owner"],
        "right": [0],
    },
    {
        "text": "What is read before a release goes out?",
        "kind": "multiple",
        "options": ["The variables of the running process", "The weather", "The list of open endpoints"],
        "right": [0, 2],
    },
]


def examine(item: RemediationItem, *, is_done: bool) -> None:
    """Revise the procedure and let the team sit the exam: all of it, or all but one."""
    check = item.verification_checks.filter(kind=VerificationCheck.Kind.EXAM).first()
    if check is None:
        return
    revised_at = item.agreed_at + timedelta(days=1)
    exams.record_revision(
        item, url="https://wiki.shop.example/release", revision="v7", by=item.owner, now=revised_at
    )
    exam = exams.write(
        item, title=item.title, team=item.team, questions=_QUESTIONS, by=item.owner, now=revised_at
    )
    people = list(User.objects.filter(memberships__team=item.team, is_active=True).order_by("pk"))
    for number, person in enumerate(people if is_done else people[:-1]):
        sat_at = revised_at + timedelta(hours=number + 1)
        if number == 0:
            # The first learns from a mistake.
            exams.sit(exam, answers=[[1], [0, 2]], version=exam.version, by=person, now=sat_at)
            sat_at += timedelta(minutes=9)
        exams.sit(exam, answers=[[0], [0, 2]], version=exam.version, by=person, now=sat_at)
    # Asked on the day of the agreement, it failed, as everything not yet written does.
    CheckStanding.objects.filter(pk=check.pk).update(seen_red_at=item.agreed_at)
    if is_done:
        _passed(check, at=sat_at)


def _passed(check: VerificationCheck, *, at: datetime) -> None:
    """The run for which the last paper asked, at that moment: its worker is not a month late."""
    finished_at = at + timedelta(seconds=1)
    found = exams.judge(check.item_id)
    CheckRun.objects.create(
        verification_check=check, item=check.item, team=check.item.team, service=check.item.service,
        kind=check.kind, check_version=check.version, slot=at, queued_at=at, attempt=1,
        started_at=at + timedelta(milliseconds=300), finished_at=finished_at,
        outcome=found.outcome, value=found.value, expression=found.expression, output=found.output,
    )  # fmt: skip
    CheckStanding.objects.filter(pk=check.pk).update(
        asked_run_id=None, asked_at=None, slot=None, streak=1, counted_slot=at, last_outcome=found.outcome,
        last_run_at=finished_at, last_value=found.value, last_verdict_at=finished_at,
    )  # fmt: skip
