"""The trail also says when somebody was deactivated or given another role."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

# Part of a released migration: the model may move on, this text may not.
FUNCTION = """
                    INSERT INTO postmortem_trailentry
                        (at, actor_id, act, model, object_id, operation, before, after)
                    VALUES (
                        clock_timestamp(),
                        NULLIF(current_setting('closeloop.actor', true), '')::bigint,
                        COALESCE(current_setting('closeloop.act', true), ''),
                        TG_TABLE_NAME,
                        NEW.id,
                        'update',
                        jsonb_build_object('is_active', OLD.is_active, 'role', OLD.role),
                        jsonb_build_object('is_active', NEW.is_active, 'role', NEW.role)
                    );
                    RETURN NULL;
                """
CONDITION = (
    'WHEN (OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."role" IS DISTINCT FROM (NEW."role"))'
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_people"), ("governance", "0001_records")]

    operations = [
        migrations.CreateModel(
            name="Person",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("accounts.user",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="person",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition=CONDITION,
                    func=FUNCTION,
                    hash="003e80f4fec34afdb0e19f09a53e4f05c46eb051",
                    operation='UPDATE OF "is_active", "role"',
                    pgid="pgtrigger_trail_bff28",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
    ]
