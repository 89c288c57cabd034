"""The settings in groups: which pages there are, and which of them a reader is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from governance import team_channels
from remediation import probe_secrets


@dataclass(frozen=True)
class Page:
    """One page of the settings.

    Attributes:
        section: what the page calls itself; "" for one that is no page of the settings.
        is_for: whether a reader is shown it; the page itself decides again.
    """

    section: str
    name: str
    label: Any
    is_for: Callable[[User], bool] = lambda reader: True
    is_elsewhere: bool = False


def _governs(reader: User) -> bool:
    return reader.is_at_least(User.Role.GOVERNOR)


def _administers(reader: User) -> bool:
    return reader.is_at_least(User.Role.ADMINISTRATOR)


GROUPS: tuple[tuple[Any, tuple[Page, ...]], ...] = (
    (
        _("You"),
        (
            Page("settings", "web:settings", _("You")),
            Page("password", "web:password", _("Password")),
            Page("notices", "web:notice_settings", _("Notices")),
            Page("tokens", "web:tokens", _("API tokens")),
        ),
    ),
    (
        _("Reviews"),
        (
            Page("wording", "web:wording", _("Wording")),
            Page("severities", "web:severities", _("Severities"), _governs),
            Page("review_templates", "web:review_templates", _("Review templates"), _governs),
            Page("cause_classes", "web:cause_classes", _("Classes of causes"), _governs),
        ),
    ),
    (
        _("Items and checks"),
        (
            Page("probes", "web:probes", _("Commands")),
            Page("probe_templates", "web:probe_templates", _("Probe templates")),
            Page("probe_secrets", "web:probe_secrets", _("Secrets"), probe_secrets.is_any),
            Page("sla", "web:sla", _("SLA"), _governs),
            Page("escalation", "web:escalation", _("Escalation"), _governs),
            Page("data_sources", "web:data_sources", _("Data sources"), _administers),
        ),
    ),
    (
        _("Gate and report"),
        (
            Page("gate", "web:gate_policies", _("Gate policies"), _governs),
            Page("goals", "web:goals", _("Goals"), _governs),
        ),
    ),
    (
        _("Connections"),
        (
            Page("channels", "web:channels", _("Channels"), team_channels.is_any),
            Page("service_accounts", "web:service_accounts", _("Service accounts"), _administers),
            Page("deliveries", "web:delivery_log", _("Mails sent"), _administers),
            Page("events", "web:events", _("Events"), _administers),
            Page("", "web:api_docs", _("API documentation")),
            Page(
                "",
                "admin:index",
                _("Administration"),
                lambda reader: reader.enters_admin_site,
                is_elsewhere=True,
            ),
        ),
    ),
)


def shown(reader: User, section: str) -> dict[str, list[dict[str, Any]]]:
    """The groups with a page for this reader, and the pages of the group in which they are.

    Returns:
        `groups` and `pages`, each a list of `url`, `label`, `is_here`, `is_elsewhere`.
    """
    groups, pages = [], []
    for label, members in GROUPS:
        open_pages = [page for page in members if page.is_for(reader)]
        if not open_pages:
            continue
        is_here = any(page.section == section for page in members if page.section)
        groups.append(
            {"url": reverse(open_pages[0].name), "label": label, "is_here": is_here, "is_elsewhere": False}
        )
        if is_here:
            pages = [
                {
                    "url": reverse(page.name),
                    "label": page.label,
                    "is_here": page.section == section,
                    "is_elsewhere": page.is_elsewhere,
                }
                for page in open_pages
            ]
    return {"groups": groups, "pages": pages}
