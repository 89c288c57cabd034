"""The database asks for the approvals of the policy, and for a facilitator apart, before a revision."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0025_present_teams_stay_as_archived"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="revision",
            name="lacks_nothing",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="lacks_nothing",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF NOT EXISTS (\n            SELECT FROM postmortem_review WHERE id = NEW.review_id AND opened_at IS NOT NULL\n        ) THEN\n            RAISE EXCEPTION 'archived too early: the review is not open' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF 4 <> (\n            SELECT count(*) FROM postmortem_reviewstep\n            WHERE review_id = NEW.review_id AND signed_at IS NOT NULL AND NOT is_stale\n        ) THEN\n            RAISE EXCEPTION 'archived too early: a step is not signed' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF EXISTS (\n            SELECT FROM postmortem_incident n\n            JOIN postmortem_participant p ON p.incident_id = n.id\n            LEFT JOIN postmortem_timeline t ON t.participant_id = p.id\n            WHERE n.review_id = NEW.review_id AND t.filed_at IS NULL AND t.excused_at IS NULL\n        ) THEN\n            RAISE EXCEPTION 'archived too early: a timeline is missing' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF NOT EXISTS (\n            SELECT FROM postmortem_rootcause\n            WHERE review_id = NEW.review_id AND is_primary AND state = 'verified'\n        ) THEN\n            RAISE EXCEPTION 'archived too early: no primary cause is verified' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF NOT EXISTS (\n            SELECT FROM postmortem_checklistentry WHERE review_id = NEW.review_id\n        ) THEN\n            RAISE EXCEPTION 'archived too early: the checklist is empty' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF EXISTS (\n            SELECT FROM postmortem_review r\n            JOIN postmortem_incident n ON n.review_id = r.id\n            JOIN postmortem_severity s ON s.id = n.severity_id\n            WHERE r.id = NEW.review_id AND r.owner_id = r.facilitator_id AND s.facilitator_apart\n        ) THEN\n            RAISE EXCEPTION 'archived too early: owner and facilitator are one person' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF (\n            SELECT count(*) FROM postmortem_reviewapproval a\n            JOIN accounts_user u ON u.id = a.given_by_id\n            JOIN postmortem_review r ON r.id = a.review_id\n            WHERE a.review_id = NEW.review_id AND a.content_hash = NEW.content_hash\n              AND a.given_by_id <> r.owner_id AND u.is_active\n              AND array_position(ARRAY['viewer', 'member', 'facilitator', 'governor', 'administrator'], u.role::text) >= (\n                SELECT max(array_position(ARRAY['viewer', 'member', 'facilitator', 'governor', 'administrator'], s.approver_role::text)) FROM postmortem_severity s\n                JOIN postmortem_incident n ON n.severity_id = s.id\n                WHERE n.review_id = NEW.review_id AND s.approvals_needed > 0\n              )\n        ) < (\n            SELECT coalesce(max(s.approvals_needed), 0) FROM postmortem_severity s\n            JOIN postmortem_incident n ON n.severity_id = s.id WHERE n.review_id = NEW.review_id\n        ) THEN\n            RAISE EXCEPTION 'archived too early: an approval is missing' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    RETURN NEW;",
                    hash="37b3d5fd8784cb3a6f2823475e7c39ce20808a0e",
                    operation="INSERT",
                    pgid="pgtrigger_lacks_nothing_2fcb2",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
