"""Nobody changes what an event was when it came, its size included."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("governance", "0022_sizes_of_events")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="inboundevent",
            trigger=pgtrigger.compiler.Trigger(
                name="as_it_came",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."source_id" IS DISTINCT FROM (NEW."source_id") OR OLD."delivery_id" IS DISTINCT FROM (NEW."delivery_id") OR OLD."event_type" IS DISTINCT FROM (NEW."event_type") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."received_at" IS DISTINCT FROM (NEW."received_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="3e6b8587456bf138b6b0072f8b60501667397e5e",
                    operation="UPDATE",
                    pgid="pgtrigger_as_it_came_6cd34",
                    table="governance_inboundevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
