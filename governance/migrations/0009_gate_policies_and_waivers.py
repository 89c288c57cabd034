"""The gate's policy as rows whose versions stay, waivers, and what decisions keep of both."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_tokens_may_propose"),
        ("governance", "0008_figures_have_goals"),
        ("postmortem", "0028_drafts_of_forms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GateWaiver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("repository", models.CharField(blank=True, max_length=200, verbose_name="repository")),
                ("change_id", models.CharField(blank=True, max_length=200, verbose_name="change")),
                (
                    "findings",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24), size=None, verbose_name="findings"
                    ),
                ),
                ("object", models.CharField(blank=True, max_length=40, verbose_name="only about")),
                ("reason", models.TextField(max_length=2000, verbose_name="reason")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
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
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-asked_at", "-id"),
            },
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="excuse",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="named",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="waivers",
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name="GatePolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.PositiveIntegerField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "repositories",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="repositories",
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("off", "Off"),
                            ("warn", "Warn"),
                            ("dry-run", "Dry run"),
                            ("strict", "Strict"),
                        ],
                        default="strict",
                        max_length=8,
                        verbose_name="mode",
                    ),
                ),
                (
                    "branches",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="target branches",
                    ),
                ),
                (
                    "covered_paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="covered paths",
                    ),
                ),
                (
                    "excused_paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="excused paths",
                    ),
                ),
                (
                    "covered_labels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="covered labels",
                    ),
                ),
                (
                    "excused_labels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="excused labels",
                    ),
                ),
                (
                    "not_counting",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="findings that do not count",
                    ),
                ),
                (
                    "asks_audit",
                    models.BooleanField(default=False, verbose_name="findings of the touched services count"),
                ),
                (
                    "freeze",
                    models.CharField(
                        choices=[
                            ("never", "Never"),
                            ("services", "While a P0 item of a touched service is overdue"),
                            ("everywhere", "While any P0 item is overdue"),
                        ],
                        default="never",
                        max_length=10,
                        verbose_name="freeze",
                    ),
                ),
                (
                    "most_uses",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10000),
                        ],
                        verbose_name="most uses of one postmortem",
                    ),
                ),
                (
                    "fails_open",
                    models.BooleanField(
                        default=False, verbose_name="merges go on when the gate does not answer"
                    ),
                ),
                (
                    "waivers_alone",
                    models.BooleanField(default=False, verbose_name="one governor alone may grant a waiver"),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "began_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "gate policies",
                "ordering": ("position", "id"),
            },
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="gate",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="governance.gatepolicy",
            ),
        ),
        migrations.AddIndex(
            model_name="gatedecision",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("kind", "change"), ("verdict", "PASS")),
                fields=["postmortems"],
                name="decision_passed_by_naming",
                opclasses=["jsonb_path_ops"],
            ),
        ),
        migrations.AddField(
            model_name="gatewaiver",
            name="alone_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="governance.gatepolicy",
            ),
        ),
        migrations.AddField(
            model_name="gatewaiver",
            name="answered_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="gatewaiver",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="gatewaiver",
            name="ended_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="gatewaiver",
            name="service",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="gate_waivers",
                to="postmortem.service",
            ),
        ),
        migrations.AddIndex(
            model_name="gatepolicy",
            index=models.Index(
                condition=models.Q(("repositories", [])),
                fields=["-began_at", "-id"],
                name="gate_policy_default_newest",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.UniqueConstraint(
                fields=("key", "version"), name="gate_policy_version_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("key",),
                name="gate_policy_has_one_present_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("name",),
                name="gate_policy_present_name_is_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("position",),
                name="gate_policy_present_position_is_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("position", 32767), ("repositories", [])),
                    models.Q(models.Q(("repositories", []), _negated=True), ("position__lt", 32767)),
                    _connector="OR",
                ),
                name="gate_policy_for_all_is_last",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at", None), ("ended_at__gte", models.F("began_at")), _connector="OR"
                ),
                name="gate_policy_ends_after_it_began",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["off", "warn", "dry-run", "strict"])),
                name="gate_policy_mode_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("freeze__in", ["never", "services", "everywhere"])),
                name="gate_policy_freeze_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("most_uses", None), ("most_uses__gte", 1), _connector="OR"),
                name="gate_policy_allows_a_use_at_least",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatepolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="gate_policy_has_a_name"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatepolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="602c5739dfe4664f7d8f85337053b34ed28a8334",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_1cc92",
                    table="governance_gatepolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatepolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="e28d79a8cce61811c8d66612fc68b7880bb1ee51",
                    operation="DELETE",
                    pgid="pgtrigger_kept_76fff",
                    table="governance_gatepolicy",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatepolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="written",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."version" IS DISTINCT FROM (NEW."version") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."position" IS DISTINCT FROM (NEW."position") OR OLD."repositories" IS DISTINCT FROM (NEW."repositories") OR OLD."mode" IS DISTINCT FROM (NEW."mode") OR OLD."branches" IS DISTINCT FROM (NEW."branches") OR OLD."covered_paths" IS DISTINCT FROM (NEW."covered_paths") OR OLD."excused_paths" IS DISTINCT FROM (NEW."excused_paths") OR OLD."covered_labels" IS DISTINCT FROM (NEW."covered_labels") OR OLD."excused_labels" IS DISTINCT FROM (NEW."excused_labels") OR OLD."not_counting" IS DISTINCT FROM (NEW."not_counting") OR OLD."asks_audit" IS DISTINCT FROM (NEW."asks_audit") OR OLD."freeze" IS DISTINCT FROM (NEW."freeze") OR OLD."most_uses" IS DISTINCT FROM (NEW."most_uses") OR OLD."fails_open" IS DISTINCT FROM (NEW."fails_open") OR OLD."waivers_alone" IS DISTINCT FROM (NEW."waivers_alone") OR OLD."began_at" IS DISTINCT FROM (NEW."began_at") OR OLD."began_by_id" IS DISTINCT FROM (NEW."began_by_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="54968bc217412822a71571ff9a05091adedb6854",
                    operation="UPDATE",
                    pgid="pgtrigger_written_5cbcf",
                    table="governance_gatepolicy",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatepolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="ended_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."ended_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="737e2af11f6ff8463dedc7c6d84412cfe5c12fce",
                    operation="UPDATE",
                    pgid="pgtrigger_ended_once_047a9",
                    table="governance_gatepolicy",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatepolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="f4ba12a3862d9752b587082fd7208656f5e89f2a",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_1713d",
                    table="governance_gatepolicy",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="gatewaiver",
            index=models.Index(fields=["-asked_at", "-id"], name="gate_waiver_newest_first"),
        ),
        migrations.AddIndex(
            model_name="gatewaiver",
            index=models.Index(
                condition=models.Q(("answer", "granted")), fields=["service"], name="gate_waiver_by_service"
            ),
        ),
        migrations.AddIndex(
            model_name="gatewaiver",
            index=models.Index(
                condition=models.Q(("answer", "granted")),
                fields=["repository"],
                name="gate_waiver_by_repository",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("repository", ""), ("service__isnull", False)),
                    models.Q(("service", None), models.Q(("repository", ""), _negated=True)),
                    _connector="OR",
                ),
                name="gate_waiver_is_for_a_service_or_a_repository",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("change_id", ""), models.Q(("repository", ""), _negated=True), _connector="OR"
                ),
                name="gate_waiver_for_a_change_names_its_repository",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("findings", []), _negated=True), name="gate_waiver_names_findings"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="gate_waiver_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("asked_at"))),
                name="gate_waiver_expires_after_it_was_asked",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
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
                name="gate_waiver_answer_has_at_and_by",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer__in", ["granted", "refused"]), _negated=True),
                    models.Q(("answered_by", models.F("asked_by")), _negated=True),
                    ("alone_by__isnull", False),
                    _connector="OR",
                ),
                name="gate_waiver_is_answered_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", "granted"), _negated=True),
                    ("answered_at__lt", models.F("expires_at")),
                    _connector="OR",
                ),
                name="gate_waiver_is_granted_before_it_expires",
            ),
        ),
        migrations.AddConstraint(
            model_name="gatewaiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_by", None)),
                    models.Q(("answer", "granted"), ("ended_at__isnull", False), ("ended_by__isnull", False)),
                    _connector="OR",
                ),
                name="gate_waiver_that_was_ended_was_granted",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="3cca8b93899ce56ecb97bb279df233aa78019f70",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_7ea13",
                    table="governance_gatewaiver",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="358eaa6be3f19d23c8654948a2e730397c2519b6",
                    operation="DELETE",
                    pgid="pgtrigger_kept_de5b9",
                    table="governance_gatewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="asked",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."service_id" IS DISTINCT FROM (NEW."service_id") OR OLD."repository" IS DISTINCT FROM (NEW."repository") OR OLD."change_id" IS DISTINCT FROM (NEW."change_id") OR OLD."findings" IS DISTINCT FROM (NEW."findings") OR OLD."object" IS DISTINCT FROM (NEW."object") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e315d6ad47355cf704ff1874329bf41a2d373660",
                    operation="UPDATE",
                    pgid="pgtrigger_asked_dc065",
                    table="governance_gatewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="answered_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."answer" = \'\') AND (OLD."answer" IS DISTINCT FROM (NEW."answer") OR OLD."answered_by_id" IS DISTINCT FROM (NEW."answered_by_id") OR OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."ended_at" IS NOT NULL))',
                    func="RAISE EXCEPTION 'a waiver of the gate is answered once, and ended once';",
                    hash="1dff3c7597aed978287c462215c208372648d382",
                    operation="UPDATE",
                    pgid="pgtrigger_answered_once_028b9",
                    table="governance_gatewaiver",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatewaiver",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="3e7569568b6d0bcc75f7aa807111f509ef5c39f0",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_624c1",
                    table="governance_gatewaiver",
                    when="BEFORE",
                ),
            ),
        ),
    ]
