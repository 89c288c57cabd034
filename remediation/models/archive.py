"""The plan's part of the archive: the database refuses a revision whose plan lacks something."""

from __future__ import annotations

import pgtrigger

from postmortem.models import Revision, recorded
from postmortem.models.freezing import frozen
from remediation.models.items import RemediationItem


class PlannedRevision(Revision):
    """A revision as the plan sees it; a table of its own would say nothing more."""

    class Meta:
        proxy = True
        triggers = (
            pgtrigger.Trigger(
                name="plan_lacks_nothing",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                # As `plan.gaps`: a declined item is an answer; what is settled needs no owner any more.
                func="""
                    IF EXISTS (
                        SELECT FROM postmortem_rootcause c
                        WHERE c.review_id = NEW.review_id AND c.state = 'verified' AND NOT EXISTS (
                            SELECT FROM remediation_remediationitem_causes WHERE rootcause_id = c.id
                        )
                    ) OR EXISTS (
                        SELECT FROM remediation_remediationitem i JOIN accounts_user u ON u.id = i.owner_id
                        WHERE i.review_id = NEW.review_id AND NOT u.is_active
                          AND i.state NOT IN ('verified', 'wont_do')
                    ) OR EXISTS (
                        SELECT FROM postmortem_lessonpoint p
                        WHERE p.review_id = NEW.review_id AND p.declined_because = '' AND NOT EXISTS (
                            SELECT FROM remediation_remediationitem_lessons WHERE lessonpoint_id = p.id
                        )
                    ) THEN
                        RAISE EXCEPTION 'archived too early: the plan lacks something'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';
                    END IF;
                    RETURN NEW;
                """,
            ),
        )


class AnsweredCause(RemediationItem.causes.through):  # type: ignore[misc, name-defined]
    """Which item answers which cause: the plan of an archived postmortem may grow, it never shrinks."""

    class Meta:
        proxy = True
        triggers = (
            *recorded(),
            frozen(
                "(SELECT review_id FROM postmortem_rootcause WHERE id = {row}.rootcause_id)",
                operation=pgtrigger.Update | pgtrigger.Delete,
            ),
        )


class AnsweredLesson(RemediationItem.lessons.through):  # type: ignore[misc, name-defined]
    """Which item answers which point of what went badly: settled with the archive."""

    class Meta:
        proxy = True
        triggers = (
            *recorded(),
            frozen("(SELECT review_id FROM postmortem_lessonpoint WHERE id = {row}.lessonpoint_id)"),
        )
