"""Items answer points of what went badly; the archive asks for an answer to each."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0023_points_of_what_went_badly"),
        ("remediation", "0005_items_are_found_by_their_words"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="plannedrevision",
            name="plan_lacks_nothing",
        ),
        migrations.AddField(
            model_name="remediationitem",
            name="lessons",
            field=models.ManyToManyField(
                blank=True, related_name="items", to="postmortem.lessonpoint", verbose_name="lessons"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="plannedrevision",
            trigger=pgtrigger.compiler.Trigger(
                name="plan_lacks_nothing",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF EXISTS (\n                        SELECT FROM postmortem_rootcause c\n                        WHERE c.review_id = NEW.review_id AND c.state = 'verified' AND NOT EXISTS (\n                            SELECT FROM remediation_remediationitem_causes WHERE rootcause_id = c.id\n                        )\n                    ) OR EXISTS (\n                        SELECT FROM remediation_remediationitem i JOIN accounts_user u ON u.id = i.owner_id\n                        WHERE i.review_id = NEW.review_id AND NOT u.is_active\n                          AND i.state NOT IN ('verified', 'wont_do')\n                    ) OR EXISTS (\n                        SELECT FROM postmortem_lessonpoint p\n                        WHERE p.review_id = NEW.review_id AND p.declined_because = '' AND NOT EXISTS (\n                            SELECT FROM remediation_remediationitem_lessons WHERE lessonpoint_id = p.id\n                        )\n                    ) THEN\n                        RAISE EXCEPTION 'archived too early: the plan lacks something'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="f808bb760b6aff8f7e16cfe72bfad35ceb299f34",
                    operation="INSERT",
                    pgid="pgtrigger_plan_lacks_nothing_70772",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
