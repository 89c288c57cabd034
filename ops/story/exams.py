"""The exam of a process defect in the demo: written, and sat by as many as the story says."""

from __future__ import annotations

from datetime import timedelta

from accounts.models import User
from remediation import exams
from remediation.models import CheckStanding, RemediationItem, VerificationCheck

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
    check = item.verification_checks.filter(kind=VerificationCheck.Kind.EXAM)
    if not check.exists():
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
    CheckStanding.objects.filter(verification_check__in=check).update(seen_red_at=item.agreed_at)
