"""The days promised by a new installation; the first row that fits an item decides."""

from django.db import migrations

# severity code or None for any, category or "" for any, days
DEFAULTS = [(None, "missing_tool", 14), ("P0", "", 7), ("P1", "", 14), ("P2", "", 30), (None, "", 60)]


def add(apps, schema_editor):
    severities = {row.code: row for row in apps.get_model("postmortem", "Severity").objects.all()}
    policy = apps.get_model("remediation", "SlaPolicy")
    policy.objects.bulk_create(
        policy(position=position, severity=severities.get(code), category=category, days=days)
        for position, (code, category, days) in enumerate(DEFAULTS, start=1)
    )


def remove(apps, schema_editor):
    apps.get_model("remediation", "SlaPolicy").objects.filter(position__lte=len(DEFAULTS)).delete()


class Migration(migrations.Migration):
    dependencies = [("remediation", "0001_records"), ("postmortem", "0002_default_severities")]
    operations = [migrations.RunPython(add, remove)]
