"""The policy of a new installation: one row for all repositories, which asks for everything."""

from datetime import UTC, datetime

from django.db import migrations

# All that was asked before there were rows was asked by these rules.
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


def add(apps, schema_editor):
    apps.get_model("governance", "GatePolicy").objects.create(
        key=1, name="Default", position=32_767, mode="strict", began_at=ALWAYS
    )


def remove(apps, schema_editor):
    """The table goes with the migration before; its rows are kept until then."""


class Migration(migrations.Migration):
    dependencies = [("governance", "0009_gate_policies_and_waivers")]
    operations = [migrations.RunPython(add, remove)]
