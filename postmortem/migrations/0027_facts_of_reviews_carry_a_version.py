"""The title and the people of a review carry a version, so that nobody saves over what they have not read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0026_archive_asks_for_approvals")]

    operations = [
        migrations.AddField(
            model_name="review",
            name="facts_version",
            field=models.PositiveIntegerField(default=1),
        ),
    ]
