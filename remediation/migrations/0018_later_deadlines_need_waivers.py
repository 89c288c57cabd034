"""A deadline becomes later by a waiver only; what comes near its deadline or misses it is marked for ever."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0017_sla_policy_conditions_and_calendars"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadlineMark",
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
                        choices=[("at_risk", "At risk"), ("breached", "Breached")], max_length=10
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("noticed_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("due_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="DeadlineWaiver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.TextField(max_length=2000, verbose_name="reason")),
                ("previous_due_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(verbose_name="new deadline")),
                ("asked_at", models.DateTimeField()),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[("granted", "Granted"), ("refused", "Refused"), ("withdrawn", "Withdrawn")],
                        max_length=10,
                    ),
                ),
                ("comment", models.TextField(blank=True, max_length=2000)),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-asked_at", "-id"),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="remediationitem",
            trigger=pgtrigger.compiler.Trigger(
                name="later_deadline_needs_a_waiver",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."due_at" > (OLD."due_at"))',
                    func="\n                    IF NOT EXISTS (\n                        SELECT FROM remediation_deadlinewaiver w\n                        WHERE w.item_id = NEW.id AND w.answer = 'granted'\n                          AND w.previous_due_at = OLD.due_at AND w.due_at = NEW.due_at\n                    ) THEN\n                        RAISE EXCEPTION 'the deadline of % becomes later without a waiver', NEW.public_id\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_deadline_needs_a_waiver';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="5409a6db4b738f564d2928d77e3c9845b4dcc1a2",
                    operation='UPDATE OF "due_at"',
                    pgid="pgtrigger_later_deadline_needs_a_waiver_d42cb",
                    table="remediation_remediationitem",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="deadlinemark",
            name="item",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deadline_marks",
                to="remediation.remediationitem",
            ),
        ),
        migrations.AddField(
            model_name="deadlinewaiver",
            name="answered_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deadlinewaiver",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="deadlinewaiver",
            name="item",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deadline_waivers",
                to="remediation.remediationitem",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinemark",
            constraint=models.UniqueConstraint(
                fields=("item", "due_at", "kind"), name="deadline_is_marked_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinemark",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="823ab6bbc124e841ab0779c5cc9bcb4f093a20cf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_33d9a",
                    table="remediation_deadlinemark",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinemark",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="4cd1afe68d3b1ec52665e2b278193363bdd2ea1f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_95102",
                    table="remediation_deadlinemark",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.UniqueConstraint(
                condition=models.Q(("answer", "")), fields=("item",), name="one_open_deadline_waiver_per_item"
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="deadline_waiver_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gt", models.F("previous_due_at"))),
                name="deadline_waiver_gives_more_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("asked_at__lte", models.F("previous_due_at"))),
                name="deadline_waiver_is_asked_in_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None), ("answered_by", None)),
                    models.Q(
                        models.Q(("answer", ""), _negated=True),
                        ("answered_at__isnull", False),
                        ("answered_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="deadline_waiver_answer_has_at_and_by",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer__in", ["granted", "refused"]), _negated=True),
                    models.Q(("answered_by", models.F("asked_by")), _negated=True),
                    _connector="OR",
                ),
                name="deadline_waiver_is_answered_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", "granted"), _negated=True),
                    ("answered_at__lte", models.F("previous_due_at")),
                    _connector="OR",
                ),
                name="deadline_waiver_is_granted_in_time",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="03582786640ad515d647546a8a4ae1d707ea7f8a",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_83bd4",
                    table="remediation_deadlinewaiver",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="8f3f039ed351f654d70bdd368f8edaccb55369c7",
                    operation="DELETE",
                    pgid="pgtrigger_kept_bdbc1",
                    table="remediation_deadlinewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="asked",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."item_id" IS DISTINCT FROM (NEW."item_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."previous_due_at" IS DISTINCT FROM (NEW."previous_due_at") OR OLD."due_at" IS DISTINCT FROM (NEW."due_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e22e7625646d1668c1fd421cb59be51882b964e7",
                    operation="UPDATE",
                    pgid="pgtrigger_asked_f2f8f",
                    table="remediation_deadlinewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="answered_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (OLD.\"answer\" = ''))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="04ec9447bbdd7d5024e120957acc50d271e77b1d",
                    operation="UPDATE",
                    pgid="pgtrigger_answered_once_87194",
                    table="remediation_deadlinewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadlinewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="1034004814b7d481c53a50b312e43bd018752588",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_16c0e",
                    table="remediation_deadlinewaiver",
                    when="BEFORE",
                ),
            ),
        ),
    ]
