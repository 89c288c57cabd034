import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0009_items_carry_a_version"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WontDoRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.TextField(max_length=2000, verbose_name="reason")),
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
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wont_do_requests",
                        to="remediation.remediationitem",
                    ),
                ),
            ],
            options={
                "ordering": ("-asked_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("answer", "")),
                        fields=("item",),
                        name="one_open_wont_do_request_per_item",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="wont_do_request_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at", None), ("answered_by", None)),
                            models.Q(
                                models.Q(("answer", ""), _negated=True),
                                ("answered_at__isnull", False),
                                ("answered_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="wont_do_answer_has_at_and_by",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer__in", ["granted", "refused"]), _negated=True),
                            models.Q(("answered_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="wont_do_is_answered_by_another",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="wontdorequest",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="a40f2a735da6c9031482df097b7161e0427a2a48",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_e1a62",
                    table="remediation_wontdorequest",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="wontdorequest",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="7d8cc883e3b8da83ff946c852d8ed7238a3ab5ec",
                    operation="DELETE",
                    pgid="pgtrigger_kept_ff7fb",
                    table="remediation_wontdorequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="wontdorequest",
            trigger=pgtrigger.compiler.Trigger(
                name="asked",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."item_id" IS DISTINCT FROM (NEW."item_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="c7d001500daa7a7880d186e1678ba6775c1deef5",
                    operation="UPDATE",
                    pgid="pgtrigger_asked_296ee",
                    table="remediation_wontdorequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="wontdorequest",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="b6b00139b2c1b87eb1708064aa4db9c3d985274c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_aefdf",
                    table="remediation_wontdorequest",
                    when="BEFORE",
                ),
            ),
        ),
    ]
