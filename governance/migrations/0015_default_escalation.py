"""The steps of escalation that were fixed until now."""

from datetime import UTC, datetime

from django.db import migrations

_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
_STEPS = [
    ("review", "at_risk", 0, "owner"),
    ("review", "after", 0, "owner"),
    ("review", "after", 0, "manager"),
    ("item", "at_risk", 0, "owner"),
    ("item", "after", 0, "owner"),
    ("item", "after", 0, "manager"),
    ("item", "after", 7, "governors"),
]


def add(apps, schema_editor):
    step = apps.get_model("governance", "EscalationStep")
    for subject, moment, days, audience in _STEPS:
        step.objects.get_or_create(
            subject=subject, moment=moment, days=days, audience=audience, defaults={"valid_from": _ALWAYS}
        )


def remove(apps, schema_editor):
    apps.get_model("governance", "EscalationStep").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("governance", "0014_digests_and_escalation")]
    operations = [migrations.RunPython(add, remove)]
