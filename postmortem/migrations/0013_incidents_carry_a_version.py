"""Incidents carry a version, so that nobody saves over what they have not read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0012_addenda"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="version",
            field=models.PositiveIntegerField(default=1),
        ),
    ]
