"""The words of an item carry a version, so that nobody saves over what they have not read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("remediation", "0008_answers_of_the_archived_stay")]

    operations = [
        migrations.AddField(
            model_name="remediationitem",
            name="version",
            field=models.PositiveIntegerField(default=1),
        ),
    ]
