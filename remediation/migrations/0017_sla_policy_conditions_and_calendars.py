"""Rows of the SLA name a kind, a service and a team, and may count in the working days of a calendar."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import accounts.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_people"),
        ("postmortem", "0028_drafts_of_forms"),
        ("remediation", "0016_commands_are_approved"),
    ]

    operations = [
        migrations.AddField(
            model_name="slapolicy",
            name="kind",
            field=models.CharField(blank=True, max_length=10, verbose_name="kind"),
        ),
        migrations.AddField(
            model_name="slapolicy",
            name="service",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="postmortem.service",
                verbose_name="service",
            ),
        ),
        migrations.AddField(
            model_name="slapolicy",
            name="team",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.team",
                verbose_name="team",
            ),
        ),
        migrations.AlterField(
            model_name="slapolicy",
            name="days",
            field=models.PositiveSmallIntegerField(
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(730),
                ],
                verbose_name="days",
            ),
        ),
        migrations.AlterField(
            model_name="slapolicy",
            name="position",
            field=models.PositiveSmallIntegerField(verbose_name="position"),
        ),
        migrations.CreateModel(
            name="WorkingCalendar",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "time_zone",
                    models.CharField(
                        max_length=64,
                        validators=[accounts.models.validate_time_zone],
                        verbose_name="time zone",
                    ),
                ),
                (
                    "week",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(blank=True, max_length=200), size=7
                    ),
                ),
                (
                    "holidays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="holidays",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("week__len", 7)), name="calendar_has_seven_weekdays"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workingcalendar",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="83d9376d50415b01431493ff5339034458c95c24",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_4bf0b",
                    table="remediation_workingcalendar",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="slapolicy",
            name="calendar",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="policies",
                to="remediation.workingcalendar",
                verbose_name="working calendar",
            ),
        ),
        migrations.AddConstraint(
            model_name="slapolicy",
            constraint=models.UniqueConstraint(
                deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                fields=("position",),
                name="sla_policy_position_is_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="slapolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("days__gte", 1)), name="sla_policy_promises_a_day_at_least"
            ),
        ),
    ]
