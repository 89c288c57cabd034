"""What a picture on somebody's page may say of a service: the verdict over what everybody may know."""

from __future__ import annotations

from datetime import datetime

from django.core import signing
from django.utils.crypto import constant_time_compare

from governance import audit
from governance.policy import Finding, Rule, Verdict, verdict_of
from postmortem.models import Incident, Review
from remediation.models import RemediationItem

_SALT = "closeloop.badge"


def verdict(slug: str, *, now: datetime) -> Verdict:
    """The verdict about a service now, by the findings that no restricted incident stands behind.

    Whoever looks at a badge is nobody we know, so what is restricted must not show, not even as a FAIL.

    Raises:
        audit.ServiceUnknown: there is no such service.
    """
    judgement = audit.look(slug, now=now)
    hidden = _hidden({finding.object for finding in judgement.findings})
    return verdict_of(finding for finding in judgement.findings if _is_open(finding, hidden))


def key_of(slug: str) -> str:
    """What an address must hold for its badge to be shown where badges are not public."""
    return signing.Signer(salt=_SALT).signature(slug)


def is_key(key: str, slug: str) -> bool:
    """Whether this is the key of this service's badge."""
    return constant_time_compare(key, key_of(slug))


def _is_open(finding: Finding, hidden: set[str]) -> bool:
    # That a waiver is over goes with a finding, which speaks for itself if it may.
    return finding.code != Rule.WAIVER_EXPIRED and finding.object not in hidden


def _hidden(objects: set[str]) -> set[str]:
    """Of some public ids those that something restricted stands behind."""
    incidents = Incident.objects.filter(public_id__in=objects, is_restricted=True)
    reviews = Review.objects.filter(public_id__in=objects, incidents__is_restricted=True)
    items = RemediationItem.objects.filter(public_id__in=objects, review__incidents__is_restricted=True)
    rows = [found.order_by().values_list("public_id", flat=True) for found in (incidents, reviews, items)]
    return set(rows[0].union(*rows[1:]))
