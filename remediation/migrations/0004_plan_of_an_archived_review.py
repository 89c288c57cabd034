"""The database refuses a revision whose plan lacks something."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0010_archived_is_read_only"),
        ("remediation", "0003_checks_know_their_service"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlannedRevision",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("postmortem.revision",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="plannedrevision",
            trigger=pgtrigger.compiler.Trigger(
                name="plan_lacks_nothing",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF EXISTS (\n                        SELECT FROM postmortem_rootcause c\n                        WHERE c.review_id = NEW.review_id AND c.state = 'verified' AND NOT EXISTS (\n                            SELECT FROM remediation_remediationitem_causes WHERE rootcause_id = c.id\n                        )\n                    ) OR EXISTS (\n                        SELECT FROM remediation_remediationitem i JOIN accounts_user u ON u.id = i.owner_id\n                        WHERE i.review_id = NEW.review_id AND NOT u.is_active\n                          AND i.state NOT IN ('verified', 'wont_do')\n                    ) THEN\n                        RAISE EXCEPTION 'archived too early: the plan lacks something'\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="21ead32f22a6ed2112bb430f91563409ba798322",
                    operation="INSERT",
                    pgid="pgtrigger_plan_lacks_nothing_70772",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
