import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0010_wont_do_is_asked_for"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="answeredcause",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="ec3be4e6e3c43cfb394e3dee24e098a5c26ab062",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_b8d77",
                    table="remediation_remediationitem_causes",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="answeredlesson",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="b82ee547ac7e90560d05b90579144a8cf57ad05f",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_b2cd8",
                    table="remediation_remediationitem_lessons",
                    when="AFTER",
                ),
            ),
        ),
    ]
