"""The teams that were present stay as they were archived, also for raw SQL."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0024_checklist_asks_commands_and_queries"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="presentteam",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="57110d27527d266bc6a126c70583ae694f23e99f",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_d65a5",
                    table="postmortem_review_teams_present",
                    when="BEFORE",
                ),
            ),
        ),
    ]
