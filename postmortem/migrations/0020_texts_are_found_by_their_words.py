"""Texts are found by their words: postmortem/searching.py."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import postmortem.searching


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0019_words_of_texts")]

    operations = [
        migrations.CreateModel(
            name="IncidentWords",
            fields=[
                (
                    "incident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="kept_words",
                        serialize=False,
                        to="postmortem.incident",
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
        ),
        migrations.RunSQL(
            "INSERT INTO postmortem_incidentwords (incident_id, words)"
            " SELECT id, closeloop_words(public_id, title, summary) FROM postmortem_incident",
            migrations.RunSQL.noop,
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="words_added",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        INSERT INTO postmortem_incidentwords (incident_id, words)\n        VALUES (NEW.id, closeloop_words(NEW.public_id, NEW.title, NEW.summary))\n        ON CONFLICT (incident_id) DO UPDATE SET words = excluded.words;\n        RETURN NULL;\n    ",
                    hash="7712243b3aa1830c415778ef158dbe20d5897682",
                    operation="INSERT",
                    pgid="pgtrigger_words_added_3d3a2",
                    table="postmortem_incident",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="words_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        INSERT INTO postmortem_incidentwords (incident_id, words)\n        VALUES (NEW.id, closeloop_words(NEW.public_id, NEW.title, NEW.summary))\n        ON CONFLICT (incident_id) DO UPDATE SET words = excluded.words;\n        RETURN NULL;\n    ",
                    hash="27c8cc8ec0bb8966cec4afbba6d9f471d418545b",
                    operation='UPDATE OF "public_id", "title", "summary"',
                    pgid="pgtrigger_words_changed_72e66",
                    table="postmortem_incident",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=django.contrib.postgres.indexes.GinIndex(
                postmortem.searching.Words("text"), name="entry_by_words"
            ),
        ),
        migrations.AddIndex(
            model_name="review",
            index=django.contrib.postgres.indexes.GinIndex(
                postmortem.searching.Words("public_id", "title", "went_well", "went_badly", "luck"),
                name="review_by_words",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewstep",
            index=django.contrib.postgres.indexes.GinIndex(
                postmortem.searching.Words("finding", "evidence"), name="step_by_words"
            ),
        ),
        migrations.AddIndex(
            model_name="rootcause",
            index=django.contrib.postgres.indexes.GinIndex(
                postmortem.searching.Words("statement", "evidence"), name="cause_by_words"
            ),
        ),
        migrations.AddIndex(
            model_name="incidentwords",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="incident_by_words"),
        ),
    ]
