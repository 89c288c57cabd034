"""What the features of the usage review are called, for a committee that reads no names of modules."""

from django.utils.translation import gettext_lazy as _

# By the module of the view, of pages and API alike; a test looks that none is missing.
WORDS = {
    "api_docs": _("Documentation of the API"),
    "approvals": _("Approvals of postmortems"),
    "archive": _("Archive: revisions, addenda, reopening"),
    "audit": _("Audits of services"),
    "backlog": _("Backlog of technical debt"),
    "backlogs": _("Backlog of technical debt"),
    "badges": _("Badges of services"),
    "cause_classes": _("Classes of root causes"),
    "causes": _("Root causes"),
    "changes": _("Changes around incidents"),
    "channels": _("Chat channels of teams"),
    "checklists": _("Executable checklists"),
    "checks": _("Verification checks"),
    "clients": _("Downloads for pipelines"),
    "commands": _("Approvals of commands"),
    "composition": _("Composition of postmortems"),
    "connect": _("Connecting a pipeline"),
    "data_sources": _("Data sources"),
    "datasources": _("Data sources"),
    "deliveries": _("Settings and log of mails"),
    "deploys": _("Reports of deploys"),
    "dossiers": _("Postmortems as files"),
    "drafts": _("Drafts of what is typed"),
    "escalation": _("Escalation"),
    "event_sources": _("Systems that send events"),
    "events": _("Events of other systems"),
    "evidence": _("Evidence files"),
    "exams": _("Procedures and exams"),
    "figures": _("Figures and their proof"),
    "gate": _("Decisions of the gate"),
    "gate_policies": _("Policy of the gate"),
    "gate_waivers": _("Waivers of the gate"),
    "guides": _("Guides to the steps"),
    "hints": _("Hints on wording"),
    "home": _("Home"),
    "imports": _("Importing documents"),
    "incident_list": _("List of incidents"),
    "incidents": _("Incidents"),
    "item_acts": _("Changing items"),
    "item_board": _("Board of items"),
    "item_bulk": _("Changing several items at once"),
    "item_deadlines": _("Deadlines and their waivers"),
    "item_list": _("List of items"),
    "item_new": _("Agreeing items"),
    "items": _("Items"),
    "kpis": _("Key figures from outside"),
    "measurements": _("Measurements"),
    "merged": _("Merged timelines"),
    "notices": _("Notices"),
    "participants": _("People of incidents"),
    "pastes": _("Pasting a history"),
    "people": _("People and teams"),
    "policies": _("Severities and what they ask"),
    "probe_secrets": _("Secrets of commands"),
    "probe_templates": _("Probe templates"),
    "probes": _("Probe templates and the switch of commands"),
    "profile": _("Personal settings"),
    "recurrences": _("Causes that came back"),
    "reports": _("Monthly reports"),
    "review_list": _("List of postmortems"),
    "review_steps": _("The four steps of a review"),
    "reviews": _("Postmortems"),
    "saved_views": _("Saved views"),
    "search": _("Search"),
    "self_heals": _("Reports of self-healing"),
    "service_accounts": _("Service accounts"),
    "service_list": _("List of services"),
    "services": _("Services"),
    "sla": _("SLA and calendars"),
    "sla_policies": _("SLA and calendars"),
    "step_evidence": _("Measurements and changes as evidence"),
    "team_channels": _("Chat channels of teams"),
    "timelines": _("Personal timelines"),
    "tokens": _("Tokens of the API"),
    "trends": _("Trends and teams"),
    "trials": _("Trying a check"),
    "usage": _("Usage review"),
    "versions": _("Versions of texts"),
    "wording": _("Rules of wording"),
    "wordlists": _("Rules of wording"),
}
_BY_PROGRAM = "api-"


def name_of(feature: str) -> str:
    """What a feature is called, whoever uses it."""
    module = feature.removeprefix(_BY_PROGRAM)
    return str(WORDS.get(module, module))


def is_by_program(feature: str) -> bool:
    """It is the API's side of a feature."""
    return feature.startswith(_BY_PROGRAM)
