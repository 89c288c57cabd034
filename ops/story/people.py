"""The people, teams and services of the demo."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Membership, Team, User
from postmortem.models import Service

DEMO_EMAIL = "demo@closeloop.example"
# The second person, without whom nothing that needs an approval can be tried.
SECOND = "sofia"
SECOND_EMAIL = f"{SECOND}@closeloop.example"

# key: (name, role, zone, language)
_PEOPLE = {
    "demo": ("Robin Weber", "administrator", "UTC", "en"),
    "lin": ("Lin Wei 林薇", "facilitator", "Asia/Shanghai", "zh-hans"),
    "chen": ("Chen Hao 陈浩", "member", "Asia/Shanghai", "zh-hans"),
    "wang": ("Wang Min 王敏", "member", "Asia/Shanghai", "zh-hans"),
    "priya": ("Priya Nair", "member", "Asia/Kolkata", "en"),
    "marco": ("Marco Rossi", "member", "Europe/Rome", "en"),
    "aiko": ("Aiko Tanaka", "member", "Asia/Tokyo", "en"),
    SECOND: ("Sofia Alvarez", "administrator", "Europe/Madrid", "en"),
    "tom": ("Tom Becker", "member", "Europe/Berlin", "en"),
}
# slug: (name, manager, members)
_TEAMS = {
    "order": ("Order", "wang", ["wang", "chen", "tom"]),
    "payments": ("Payments", "marco", ["marco", "priya"]),
    "sre": ("Site reliability", "lin", ["lin", "aiko", "demo", "sofia"]),
}
# slug: (name, team, tier)
_SERVICES = {
    "order": ("Order", "order", 1),
    "checkout": ("Checkout", "order", 1),
    "inventory": ("Inventory", "order", 2),
    "payment": ("Payment", "payments", 1),
    "ledger": ("Ledger", "payments", 2),
    "gateway": ("Edge gateway", "sre", 1),
    "search": ("Search", "sre", 3),
}


@dataclass(frozen=True)
class Cast:
    """Who plays: people by key, teams and services by slug."""

    people: dict[str, User]
    teams: dict[str, Team]
    services: dict[str, Service]


def gather(*, password: str) -> Cast:
    """Create everybody; two of them get the password: the demo login, and who approves what that one asks for."""
    people = {}
    for key, (name, role, zone, language) in _PEOPLE.items():
        people[key] = User.objects.create_user(
            DEMO_EMAIL if key == "demo" else f"{key}@closeloop.example",
            password if key in {"demo", SECOND} else None,
            name=name,
            role=role,
            time_zone=zone,
            language=language,
            is_staff=key == "demo",
            is_superuser=key == "demo",
        )
    teams = {}
    for slug, (name, manager, members) in _TEAMS.items():
        teams[slug] = Team.objects.create(slug=slug, name=name, manager=people[manager])
        Membership.objects.bulk_create(Membership(team=teams[slug], user=people[key]) for key in members)
    services = {
        slug: Service.objects.create(
            slug=slug, name=name, team=teams[team], tier=tier, repositories=[f"shop/{slug}"]
        )
        for slug, (name, team, tier) in _SERVICES.items()
    }
    return Cast(people, teams, services)
