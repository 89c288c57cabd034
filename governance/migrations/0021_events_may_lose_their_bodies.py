"""Bodies of events are kept for a while only; sizes stay, which the next step fills in."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0020_goals_of_money_have_a_currency"),
        ("postmortem", "0030_regressions_may_declare"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="inboundevent",
            name="as_it_came",
        ),
        migrations.AddField(
            model_name="inboundevent",
            name="body_dropped_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inboundevent",
            name="size",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="inboundevent",
            name="body",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="inboundevent",
            index=models.Index(
                condition=models.Q(("body_dropped_at", None)),
                fields=["received_at"],
                name="event_with_its_body",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="inboundevent",
            trigger=pgtrigger.compiler.Trigger(
                name="body_goes_late",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."body" IS DISTINCT FROM (NEW."body") OR OLD."body_dropped_at" IS DISTINCT FROM (NEW."body_dropped_at"))',
                    func="\n                    IF OLD.body IS NULL OR NEW.body IS NOT NULL\n                       OR OLD.received_at > clock_timestamp() - interval '7 days' THEN\n                        RAISE EXCEPTION 'the body of an event stays as it came, 7 days';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="bf7690b0ea06e7f6c42b0e9129e8b35bf1c8dc2b",
                    operation='UPDATE OF "body", "body_dropped_at"',
                    pgid="pgtrigger_body_goes_late_b9336",
                    table="governance_inboundevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="inboundevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("body__isnull", False), ("body_dropped_at", None)),
                    models.Q(("body", None), ("body_dropped_at__isnull", False)),
                    _connector="OR",
                ),
                name="event_without_its_body_says_since_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboundevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "waiting"), _negated=True), ("body_dropped_at", None), _connector="OR"
                ),
                name="waiting_event_has_its_body",
            ),
        ),
    ]
