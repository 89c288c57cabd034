"""Notices are about items too, and go out by mail: a row for each, which is the queue."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0006_checks_are_found_by_when_they_grow_stale"),
        ("postmortem", "0028_drafts_of_forms"),
        ("remediation", "0018_later_deadlines_need_waivers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("given_up", "Given up"),
                            ("dropped", "Not sent"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Muted",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("review_at_risk", "A review is at risk"),
                            ("review_breached", "A review is overdue"),
                            ("timeline_reminder", "A timeline is asked for"),
                            ("item_at_risk", "An item comes near its deadline"),
                            ("item_breached", "An item is overdue"),
                            ("item_escalated", "An item is a week overdue"),
                        ],
                        max_length=32,
                    ),
                ),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="notice",
            name="said",
        ),
        migrations.AddField(
            model_name="notice",
            name="item",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="remediation.remediationitem",
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="incident",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="postmortem.incident",
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
                    ("item_escalated", "An item is a week overdue"),
                ],
                max_length=32,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="notice",
            trigger=pgtrigger.compiler.Trigger(
                name="said",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."recipient_id" IS DISTINCT FROM (NEW."recipient_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."incident_id" IS DISTINCT FROM (NEW."incident_id") OR OLD."item_id" IS DISTINCT FROM (NEW."item_id") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="df30e9fc9971f3e1a30e0f16548c1bdb0f6a2342",
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
                    models.Q(("incident__isnull", False), ("item", None)),
                    models.Q(("incident", None), ("item__isnull", False)),
                    _connector="OR",
                ),
                name="notice_is_about_an_incident_or_an_item",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="notice",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="delivery", to="governance.notice"
            ),
        ),
        migrations.AddField(
            model_name="muted",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="muted", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["next_at"], name="delivery_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("state", "waiting")),
                    models.Q(models.Q(("state", "waiting"), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_that_ended_says_when",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="b3c6fc8385026b53af52d9bc9577b98c50b2acb3",
                    operation="DELETE",
                    pgid="pgtrigger_kept_6251b",
                    table="governance_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="sent_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"state\" = 'sent')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="0136b7ba8b66587a9fe0ff43fd4b8f7cdb4ddb9c",
                    operation="UPDATE",
                    pgid="pgtrigger_sent_once_8275c",
                    table="governance_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="muted",
            constraint=models.UniqueConstraint(fields=("user", "kind"), name="kind_is_muted_once"),
        ),
    ]
