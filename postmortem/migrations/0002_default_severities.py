"""The severities a new installation starts with: rows of policy, edited afterwards in the admin site."""

from django.db import migrations

DEFAULTS = [
    # code, name, rank, requires a postmortem, hours for the review, counts in figures
    ("P0", "Critical: the business stands still", 0, True, 48, True),
    ("P1", "Major: many users are hit", 1, True, 48, True),
    ("P2", "Moderate: some users are hit", 2, True, 120, True),
    ("P3", "Minor: hardly anybody notices", 3, False, 240, True),
    ("P4", "Trivial: no user notices", 4, False, 240, False),
]


def add(apps, schema_editor):
    severity = apps.get_model("postmortem", "Severity")
    fields = ("code", "name", "rank", "requires_postmortem", "review_hours", "counts_in_figures")
    severity.objects.bulk_create(severity(**dict(zip(fields, row, strict=True))) for row in DEFAULTS)


def remove(apps, schema_editor):
    apps.get_model("postmortem", "Severity").objects.filter(code__in=[row[0] for row in DEFAULTS]).delete()


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0001_records")]
    operations = [migrations.RunPython(add, remove)]
