import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_tokens_that_make_tokens"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("read", "Read incidents, postmortems, items and reports"),
                        ("write", "Change what its owner may change"),
                        ("propose", "File items proactively, and nothing else"),
                        ("kpi", "Push values of key figures, and nothing else"),
                        ("audit", "Ask for the standing of a service"),
                        ("gate", "Ask the merge gate about a change"),
                        ("tokens", "Make and end tokens and service accounts (administrators)"),
                    ],
                    max_length=8,
                ),
                size=None,
            ),
        ),
    ]
