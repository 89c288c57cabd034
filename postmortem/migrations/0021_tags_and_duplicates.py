"""Incidents have tags; a duplicate names the other incident."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0020_texts_are_found_by_their_words")]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="duplicate_of",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="duplicates",
                to="postmortem.incident",
                verbose_name="duplicate of",
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40),
                blank=True,
                default=list,
                help_text="Words to find it by, with commas between them.",
                size=None,
                verbose_name="tags",
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="incident_by_tag"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("duplicate_of", None),
                    models.Q(
                        ("dismissed_as", "duplicate"),
                        models.Q(("duplicate_of", models.F("id")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="incident_only_a_duplicate_is_one_of_another",
            ),
        ),
    ]
