"""Key figures from outside, how much features are used, and who was told of a report."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0018_changes_at_forges"),
        ("postmortem", "0030_regressions_may_declare"),
        ("remediation", "0022_incidents_of_regressions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FeatureUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("feature", models.CharField(max_length=60)),
                ("week", models.DateField()),
                ("count", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "ordering": ("week", "feature"),
            },
        ),
        migrations.CreateModel(
            name="Kpi",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "slug",
                    models.SlugField(
                        help_text="The name programs use, for example “idle-resources”; it stays.",
                        max_length=40,
                        unique=True,
                        verbose_name="slug",
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "unit",
                    models.CharField(
                        blank=True, help_text="For example “%”.", max_length=20, verbose_name="unit"
                    ),
                ),
                ("is_more_better", models.BooleanField(default=False, verbose_name="more is better")),
                (
                    "baseline",
                    models.DecimalField(
                        blank=True, decimal_places=4, max_digits=18, null=True, verbose_name="baseline"
                    ),
                ),
                (
                    "target",
                    models.DecimalField(
                        blank=True, decimal_places=4, max_digits=18, null=True, verbose_name="target"
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="KpiValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("date", models.DateField()),
                ("value", models.DecimalField(decimal_places=4, max_digits=18)),
                ("source", models.CharField(blank=True, max_length=200)),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("date", "id"),
            },
        ),
        migrations.CreateModel(
            name="UsageDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("quarter", models.CharField(max_length=7)),
                ("feature", models.CharField(max_length=60)),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("keep", "Keep as it is"),
                            ("change", "Change it"),
                            ("teach", "Make it known"),
                            ("retire", "Retire it"),
                        ],
                        max_length=8,
                        verbose_name="decision",
                    ),
                ),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                ("decided_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("-decided_at", "-id"),
            },
        ),
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
            name="report",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="governance.governancereport",
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
                    ("report_published", "A month's report is published"),
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
                    ("report_published", "A month's report is published"),
                ],
                max_length=32,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="notice",
            trigger=pgtrigger.compiler.Trigger(
                name="said",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."recipient_id" IS DISTINCT FROM (NEW."recipient_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."incident_id" IS DISTINCT FROM (NEW."incident_id") OR OLD."item_id" IS DISTINCT FROM (NEW."item_id") OR OLD."team_channel_id" IS DISTINCT FROM (NEW."team_channel_id") OR OLD."waiver_id" IS DISTINCT FROM (NEW."waiver_id") OR OLD."report_id" IS DISTINCT FROM (NEW."report_id") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="acbe8a4ab00769a649a0655ef240298b27a51ba6",
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
                        ("incident__isnull", False),
                        ("item", None),
                        ("report", None),
                        ("team_channel", None),
                        ("waiver", None),
                    ),
                    models.Q(
                        ("incident", None),
                        ("item__isnull", False),
                        ("report", None),
                        ("team_channel", None),
                        ("waiver", None),
                    ),
                    models.Q(
                        ("incident", None),
                        ("item", None),
                        ("report", None),
                        ("team_channel__isnull", False),
                        ("waiver", None),
                    ),
                    models.Q(
                        ("incident", None),
                        ("item", None),
                        ("report", None),
                        ("team_channel", None),
                        ("waiver__isnull", False),
                    ),
                    models.Q(
                        ("incident", None),
                        ("item", None),
                        ("report__isnull", False),
                        ("team_channel", None),
                        ("waiver", None),
                    ),
                    _connector="OR",
                ),
                name="notice_is_about_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="featureuse",
            constraint=models.UniqueConstraint(
                fields=("feature", "week"), name="feature_is_counted_once_a_week"
            ),
        ),
        migrations.AddConstraint(
            model_name="featureuse",
            constraint=models.CheckConstraint(
                condition=models.Q(("week__iso_week_day", 1)), name="use_week_is_a_monday"
            ),
        ),
        migrations.AddConstraint(
            model_name="featureuse",
            constraint=models.CheckConstraint(
                condition=models.Q(("feature", ""), _negated=True), name="use_names_a_feature"
            ),
        ),
        migrations.AddField(
            model_name="kpi",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="kpivalue",
            name="kpi",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="values",
                to="governance.kpi",
            ),
        ),
        migrations.AddField(
            model_name="kpivalue",
            name="recorded_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="usagedecision",
            name="decided_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="kpi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("name", ""), _negated=True), models.Q(("slug", ""), _negated=True)
                ),
                name="kpi_has_a_name",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="kpi",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="f1cabfae4be0b50ab31b1e807b6a1789a018048e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_3d4a7",
                    table="governance_kpi",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="kpivalue",
            index=models.Index(fields=["kpi", "date", "-id"], name="kpi_value_by_day"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="kpivalue",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1cfe63053cb3acada340170b57804f98f9432412",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c47e3",
                    table="governance_kpivalue",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="kpivalue",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="9fc215be0ae38a094829d10a19b626a1f9650667",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_e6a9f",
                    table="governance_kpivalue",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="usagedecision",
            index=models.Index(fields=["quarter", "feature", "-id"], name="decision_by_quarter"),
        ),
        migrations.AddConstraint(
            model_name="usagedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="usage_decision_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="usagedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("feature", ""), _negated=True), models.Q(("quarter", ""), _negated=True)
                ),
                name="usage_decision_names_what_it_is_about",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usagedecision",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ba763863b152ccf71d8ce14e0ee9e02a1a12c6d2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_1c24c",
                    table="governance_usagedecision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usagedecision",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="7da42d57708c0488b2ef80aa23fc69ae6f75097f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_18568",
                    table="governance_usagedecision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
