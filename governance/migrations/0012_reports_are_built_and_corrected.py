"""A report is built part by part, and what changes after it is a line added."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0011_channels_of_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReportBuild",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(unique=True)),
                ("asked_at", models.DateTimeField()),
                ("parts", models.PositiveSmallIntegerField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-month",),
            },
        ),
        migrations.CreateModel(
            name="ReportCorrection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("figure", models.CharField(max_length=40)),
                ("noticed_at", models.DateTimeField()),
                ("was", models.JSONField(help_text="The figure as published.")),
                ("now", models.JSONField(help_text="The figure as it came out when this was noticed.")),
                ("rows", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="governance.governancereport",
                    ),
                ),
            ],
            options={
                "ordering": ("noticed_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="ReportPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=20)),
                ("rows", models.JSONField()),
                ("gathered_at", models.DateTimeField()),
                (
                    "build",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gathered",
                        to="governance.reportbuild",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="reportbuild",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="build_month_is_a_first_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportbuild",
            constraint=models.CheckConstraint(condition=models.Q(("parts__gte", 1)), name="build_has_a_part"),
        ),
        migrations.AddIndex(
            model_name="reportcorrection",
            index=models.Index(fields=["report", "figure", "-id"], name="correction_by_figure"),
        ),
        migrations.AddConstraint(
            model_name="reportcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("figure", ""), _negated=True), name="correction_names_a_figure"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest", ""), _negated=True), name="correction_has_a_digest"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reportcorrection",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="078362cd363db4b2ddeddeb84b78300c1d4cd5dc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_fb140",
                    table="governance_reportcorrection",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reportcorrection",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="fcf1b1317953117bf78a8ffb717512ad73af9e84",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_85a26",
                    table="governance_reportcorrection",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="reportpart",
            constraint=models.UniqueConstraint(fields=("build", "name"), name="part_is_gathered_once"),
        ),
        migrations.AddConstraint(
            model_name="reportpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="part_has_a_name"
            ),
        ),
    ]
