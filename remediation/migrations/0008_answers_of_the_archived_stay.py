"""What answers the causes and lessons of an archived postmortem is not taken away."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0007_checklist_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="AnsweredCause",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("remediation.remediationitem_causes",),
        ),
        migrations.CreateModel(
            name="AnsweredLesson",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("remediation.remediationitem_lessons",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="answeredcause",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((SELECT review_id FROM postmortem_rootcause WHERE id = OLD.rootcause_id), (SELECT review_id FROM postmortem_rootcause WHERE id = NEW.rootcause_id)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="5a79e63f6e178f936e417ba8abf12f168f76a6e2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_94d81",
                    table="remediation_remediationitem_causes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="answeredlesson",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((SELECT review_id FROM postmortem_lessonpoint WHERE id = OLD.lessonpoint_id), (SELECT review_id FROM postmortem_lessonpoint WHERE id = NEW.lessonpoint_id)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="e589a95e835b9a91b9b8657de8f9eabc616be88b",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_bc3cc",
                    table="remediation_remediationitem_lessons",
                    when="BEFORE",
                ),
            ),
        ),
    ]
