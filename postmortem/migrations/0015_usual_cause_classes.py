"""The cause classes a new installation starts with: a tree that governors edit afterwards."""

from django.db import migrations

TREE = [
    ("capacity", "Capacity", "Demand met a limit that was too low, or nobody knew of.", [
        ("capacity-pool", "Connection or thread pool exhausted"),
        ("capacity-compute", "CPU or memory exhausted"),
        ("capacity-storage", "Disk or database space exhausted"),
        ("capacity-quota", "Quota or rate limit reached"),
        ("capacity-traffic", "Traffic beyond what was planned"),
    ]),
    ("configuration", "Configuration change", "A setting was wrong, missing or different from place to place.", [
        ("configuration-value", "Wrong value"),
        ("configuration-drift", "Environments that differ"),
        ("configuration-flag", "Feature flag"),
        ("configuration-timeout", "Missing timeout or limit"),
    ]),
    ("code", "Code defect", "The program did what it was written to do, and that was wrong.", [
        ("code-logic", "Logic error"),
        ("code-race", "Race or deadlock"),
        ("code-leak", "Resource leak"),
        ("code-edge", "Unhandled input or edge case"),
        ("code-calendar", "Date, time or calendar"),
    ]),
    ("dependency", "Dependency or third party", "Something that others build or run failed or changed.", [
        ("dependency-provider", "Outage of a provider"),
        ("dependency-upstream", "Incompatible change upstream"),
        ("dependency-version", "Version of a library or runtime"),
        ("dependency-account", "Subscription, billing or account"),
    ]),
    ("release", "Deployment and release", "The way to production let it through, or made it worse.", [
        ("release-untested", "Released without the test that would have shown it"),
        ("release-rollback", "Rollback impossible or too slow"),
        ("release-order", "Order of deployment steps"),
        ("release-artefact", "Wrong artefact or version"),
    ]),
    ("data", "Data and schema", "Stored data, its shape, or the way it is read.", [
        ("data-schema", "Schema migration"),
        ("data-corrupt", "Corrupt, missing or duplicate data"),
        ("data-query", "Slow query or missing index"),
        ("data-replication", "Replication or backup"),
    ]),
    ("network", "Network and DNS", "Names, routes and the wires between.", [
        ("network-dns", "Name resolution"),
        ("network-routing", "Routing, firewall or load balancer"),
        ("network-loss", "Packet loss or partition"),
    ]),
    ("credentials", "Certificates and secrets", "Something that proves who one is ran out or was lost.", [
        ("credentials-certificate", "Certificate expired"),
        ("credentials-secret", "Secret or token expired"),
        ("credentials-rotation", "Rotation of keys"),
    ]),
    ("infrastructure", "Hardware and infrastructure", "Machines, clusters and the place they stand in.", [
        ("infrastructure-machine", "Machine or disk failure"),
        ("infrastructure-scheduling", "Scheduling or orchestration"),
        ("infrastructure-region", "Outage of a zone or region"),
    ]),
    ("observability", "Monitoring and alerting gap", "It was not seen, or not in time.", [
        ("observability-no-alert", "No alert for it"),
        ("observability-noise", "Alert lost in noise"),
        ("observability-not-measured", "Not measured"),
    ]),
    ("access", "Access and security", "Who may do what, and who did what they may not.", [
        ("access-permission", "Missing or wrong permission"),
        ("access-attack", "Attack or abuse"),
        ("access-vulnerability", "Known vulnerability"),
    ]),
    ("process", "Process and documentation", "How the work is agreed, handed over and written down.", [
        ("process-runbook", "Runbook missing or outdated"),
        ("process-unreviewed", "Change without review"),
        ("process-ownership", "Unclear ownership or handover"),
    ]),
    ("design", "Design for people", "The system made the mistake easy; never a person.", [
        ("design-misleading", "Misleading display or command"),
        ("design-no-guard", "Dangerous step without a guard"),
        ("design-overload", "Too much to watch or remember at once"),
    ]),
]  # fmt: skip


def add(apps, schema_editor):
    cause_class = apps.get_model("postmortem", "CauseClass")
    for slug, name, description, below in TREE:
        parent = cause_class.objects.create(slug=slug, name=name, description=description)
        cause_class.objects.bulk_create(
            cause_class(slug=inner, name=inner_name, parent=parent) for inner, inner_name in below
        )


def remove(apps, schema_editor):
    classes = apps.get_model("postmortem", "CauseClass").objects
    classes.filter(slug__in=[inner for *_top, below in TREE for inner, _name in below]).delete()
    classes.filter(slug__in=[slug for slug, *_rest in TREE]).delete()


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0014_causes_have_classes_and_chains")]
    operations = [migrations.RunPython(add, remove)]
