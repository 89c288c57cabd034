"""Governors are told of waivers of the gate."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0012_reports_are_built_and_corrected"),
        ("postmortem", "0029_trail_is_found_by_its_moment"),
        ("remediation", "0021_runs_are_rolled_up_by_day"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="notice",
            name="said",
        ),
        migrations.RemoveConstraint(
            model_name="notice",
            name="notice_is_about_one_thing",
        ),
        migrations.AddField(
            model_name="notice",
            name="waiver",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="governance.gatewaiver",
            ),
        ),
        migrations.AlterField(
            model_name="muted",
            name="kind",
            field=models.CharField(
                choices=[
                    ("review_at_risk", "A review is at risk"),
                    ("review_breached", "A review is overdue"),
                    ("timeline_reminder", "A timeline is asked for"),
                    ("item_at_risk", "An item comes near its deadline"),
                    ("item_breached", "An item is overdue"),
                    ("item_escalated", "An item is overdue for long"),
                    ("item_regressed", "An item has regressed"),
                    ("item_ownerless", "An item has lost its owner"),
                    ("channel_paused", "A channel is paused"),
                    ("waiver_asked", "A waiver of the gate is asked for"),
                    ("waived_alone", "A governor waived the gate alone"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("review_at_risk", "A review is at risk"),
                    ("review_breached", "A review is overdue"),
                    ("timeline_reminder", "A timeline is asked for"),
                    ("item_at_risk", "An item comes near its deadline"),
                    ("item_breached", "An item is overdue"),
                    ("item_escalated", "An item is overdue for long"),
                    ("item_regressed", "An item has regressed"),
                    ("item_ownerless", "An item has lost its owner"),
                    ("channel_paused", "A channel is paused"),
                    ("waiver_asked", "A waiver of the gate is asked for"),
                    ("waived_alone", "A governor waived the gate alone"),
                ],
                max_length=32,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="notice",
            trigger=pgtrigger.compiler.Trigger(
                name="said",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."recipient_id" IS DISTINCT FROM (NEW."recipient_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."incident_id" IS DISTINCT FROM (NEW."incident_id") OR OLD."item_id" IS DISTINCT FROM (NEW."item_id") OR OLD."team_channel_id" IS DISTINCT FROM (NEW."team_channel_id") OR OLD."waiver_id" IS DISTINCT FROM (NEW."waiver_id") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="611fd6a6964c90c6c5e2ffdd99d6360a00f9905e",
                    operation="UPDATE",
                    pgid="pgtrigger_said_99f93",
                    table="governance_notice",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("incident__isnull", False), ("item", None), ("team_channel", None), ("waiver", None)
                    ),
                    models.Q(
                        ("incident", None), ("item__isnull", False), ("team_channel", None), ("waiver", None)
                    ),
                    models.Q(
                        ("incident", None), ("item", None), ("team_channel__isnull", False), ("waiver", None)
                    ),
                    models.Q(
                        ("incident", None), ("item", None), ("team_channel", None), ("waiver__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="notice_is_about_one_thing",
            ),
        ),
    ]
