"""What went badly, point by point."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0022_saved_views"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LessonPoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("text", models.CharField(max_length=500)),
                (
                    "declined_because",
                    models.TextField(blank=True, max_length=2000, verbose_name="no item, because"),
                ),
                ("declined_at", models.DateTimeField(blank=True, null=True)),
                (
                    "declined_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lesson_points",
                        to="postmortem.review",
                    ),
                ),
            ],
            options={
                "ordering": ("review", "position", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="lesson_point_says_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("declined_at", None), ("declined_because", ""), ("declined_by", None)),
                            models.Q(
                                models.Q(("declined_because", ""), _negated=True),
                                ("declined_at__isnull", False),
                                ("declined_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="lesson_point_is_declined_with_reason_by_and_at",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="lessonpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="trail",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)\n    SELECT\n        clock_timestamp(),\n        NULLIF(current_setting('closeloop.actor', true), '')::bigint,\n        COALESCE(current_setting('closeloop.act', true), ''),\n        TG_TABLE_NAME,\n        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,\n        lower(TG_OP),\n        CASE\n            WHEN TG_OP = 'INSERT' THEN NULL\n            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)\n            ELSE (\n                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o\n                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key\n            )\n        END,\n        CASE\n            WHEN TG_OP = 'DELETE' THEN NULL\n            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)\n            ELSE (\n                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n\n                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key\n            )\n        END\n    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;\n    RETURN NULL;\n",
                    hash="60f9d8a6cbb75f6076a62b229a6878746e0681bc",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_trail_72784",
                    table="postmortem_lessonpoint",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="lessonpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="eb3004475cc40648c3f2c7f9a0f6a7d73d4df854",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_5d9e0",
                    table="postmortem_lessonpoint",
                    when="BEFORE",
                ),
            ),
        ),
    ]
