"""What is archived is read-only, also for raw SQL; a review is archived by its revision."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0009_revisions_of_earlier_archives"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="checklistentry",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="9bcc91671ee2b6e954bd0d382e7f9fb5e5101eb0",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_32642",
                    table="postmortem_checklistentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((\n    SELECT n.review_id FROM postmortem_timeline t JOIN postmortem_participant p ON p.id = t.participant_id\n    JOIN postmortem_incident n ON n.id = p.incident_id WHERE t.id = OLD.timeline_id\n), (\n    SELECT n.review_id FROM postmortem_timeline t JOIN postmortem_participant p ON p.id = t.participant_id\n    JOIN postmortem_incident n ON n.id = p.incident_id WHERE t.id = NEW.timeline_id\n)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="eec33c6d4845cbf3d2c56904147278d1bbcce05e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_92a76",
                    table="postmortem_entry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="evidencefile",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((\n    SELECT review_id FROM postmortem_incident WHERE id = OLD.incident_id\n    UNION ALL SELECT review_id FROM postmortem_reviewstep WHERE id = OLD.step_id\n    UNION ALL SELECT n.review_id FROM postmortem_entry e JOIN postmortem_timeline t ON t.id = e.timeline_id\n    JOIN postmortem_participant p ON p.id = t.participant_id\n    JOIN postmortem_incident n ON n.id = p.incident_id WHERE e.id = OLD.entry_id\n), (\n    SELECT review_id FROM postmortem_incident WHERE id = NEW.incident_id\n    UNION ALL SELECT review_id FROM postmortem_reviewstep WHERE id = NEW.step_id\n    UNION ALL SELECT n.review_id FROM postmortem_entry e JOIN postmortem_timeline t ON t.id = e.timeline_id\n    JOIN postmortem_participant p ON p.id = t.participant_id\n    JOIN postmortem_incident n ON n.id = p.incident_id WHERE e.id = NEW.entry_id\n)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="9ca45bd04369cce34987cbd4ef65b169fabf94ff",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_c3bb2",
                    table="postmortem_evidencefile",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html' AND key <> 'is_restricted' AND key <> 'closed_at') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html' AND key <> 'is_restricted' AND key <> 'closed_at')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="d7c85fcacb67195bb33de0a63ef8e9ed5f6b9b67",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_1f6a4",
                    table="postmortem_incident",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incidentservice",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((SELECT review_id FROM postmortem_incident WHERE id = OLD.incident_id), (SELECT review_id FROM postmortem_incident WHERE id = NEW.incident_id)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="3492e1e8b24a978a0d2e1083b0e2c86dbafffcdd",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_896d8",
                    table="postmortem_incidentservice",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="participant",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((SELECT review_id FROM postmortem_incident WHERE id = OLD.incident_id), (SELECT review_id FROM postmortem_incident WHERE id = NEW.incident_id)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="e3b684dc10689697c48314a5c2511384b70667bf",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_6f362",
                    table="postmortem_participant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reopening",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f930da3a0a62481b4fe00b9a9d233b6fa63f723b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_8e271",
                    table="postmortem_reopening",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reopening",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="258da2795c05dd964473e49c0ce30d31f105d734",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_15a64",
                    table="postmortem_reopening",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reopening",
            trigger=pgtrigger.compiler.Trigger(
                name="agrees_with_its_review",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE standing postmortem_revision%ROWTYPE;",
                    func="\n    SELECT v.* INTO standing FROM postmortem_revision v\n    WHERE v.review_id = (SELECT review_id FROM postmortem_revision WHERE id = NEW.revision_id)\n      AND NOT EXISTS (SELECT FROM postmortem_reopening o WHERE o.revision_id = v.id);\n\n        IF (SELECT archived_at FROM postmortem_review WHERE id = (SELECT review_id FROM postmortem_revision WHERE id = NEW.revision_id)) IS DISTINCT FROM standing.archived_at THEN\n            RAISE EXCEPTION 'the review does not say what its revisions say' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_by_a_revision';\n        END IF;\n    RETURN NULL;",
                    hash="23b6365d034830cb660aa0c4a48698e25f59a8b2",
                    operation="INSERT",
                    pgid="pgtrigger_agrees_with_its_review_ba014",
                    table="postmortem_reopening",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="archived_by_a_revision",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE standing postmortem_revision%ROWTYPE;",
                    func="\n        IF TG_OP = 'DELETE' AND OLD.first_archived_at IS NOT NULL THEN\n            RAISE EXCEPTION 'a postmortem is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n    SELECT v.* INTO standing FROM postmortem_revision v\n    WHERE v.review_id = NEW.id\n      AND NOT EXISTS (SELECT FROM postmortem_reopening o WHERE o.revision_id = v.id);\n\n        IF (NEW.archived_at, NEW.archived_by_id, NEW.content_hash) IS DISTINCT FROM (standing.archived_at, standing.archived_by_id, coalesce(standing.content_hash, '')) THEN\n            RAISE EXCEPTION 'a review is archived by its revision and opened by a reopening' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_by_a_revision';\n        END IF;\n    \n        IF NEW.first_archived_at IS DISTINCT FROM (SELECT min(archived_at) FROM postmortem_revision WHERE review_id = NEW.id) THEN\n            RAISE EXCEPTION 'the first revision says when a review was first archived' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_by_a_revision';\n        END IF;\n    \n        IF TG_OP = 'UPDATE' AND OLD.archived_at IS NOT NULL AND NEW.archived_at IS NOT NULL AND (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html') THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN NEW;",
                    hash="be688db8ffbd534f811bac19ae79af1a0bdafd54",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_archived_by_a_revision_b2819",
                    table="postmortem_review",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reviewstep",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="dae020656271f1fbaef4f020b672b92c7842c47d",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_ca1a2",
                    table="postmortem_reviewstep",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fafba4979cc2d50412d79e5a66a972562cc3f91a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_82941",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
                    hash="7680c5618aa4c7803ed12924f6e6822aca24a24c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_89b74",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="in_order",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE standing postmortem_revision%ROWTYPE;",
                    func="\n    SELECT v.* INTO standing FROM postmortem_revision v\n    WHERE v.review_id = NEW.review_id\n      AND NOT EXISTS (SELECT FROM postmortem_reopening o WHERE o.revision_id = v.id);\n\n        IF standing.id IS NOT NULL OR NEW.number <> 1 + (SELECT count(*) FROM postmortem_revision WHERE review_id = NEW.review_id) THEN\n            RAISE EXCEPTION 'a revision follows the reopening of the one before' USING ERRCODE = 'check_violation', CONSTRAINT = 'revisions_are_in_order';\n        END IF;\n    RETURN NEW;",
                    hash="e72308662cc05ebae1bee8f3a38bbebaa2be15bc",
                    operation="INSERT",
                    pgid="pgtrigger_in_order_28a30",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="lacks_nothing",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF NOT EXISTS (\n            SELECT FROM postmortem_review WHERE id = NEW.review_id AND opened_at IS NOT NULL\n        ) THEN\n            RAISE EXCEPTION 'archived too early: the review is not open' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF 4 <> (\n            SELECT count(*) FROM postmortem_reviewstep\n            WHERE review_id = NEW.review_id AND signed_at IS NOT NULL AND NOT is_stale\n        ) THEN\n            RAISE EXCEPTION 'archived too early: a step is not signed' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF EXISTS (\n            SELECT FROM postmortem_incident n\n            JOIN postmortem_participant p ON p.incident_id = n.id\n            LEFT JOIN postmortem_timeline t ON t.participant_id = p.id\n            WHERE n.review_id = NEW.review_id AND t.filed_at IS NULL AND t.excused_at IS NULL\n        ) THEN\n            RAISE EXCEPTION 'archived too early: a timeline is missing' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF NOT EXISTS (\n            SELECT FROM postmortem_rootcause\n            WHERE review_id = NEW.review_id AND is_primary AND state = 'verified'\n        ) THEN\n            RAISE EXCEPTION 'archived too early: no primary cause is verified' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    \n        IF NOT EXISTS (\n            SELECT FROM postmortem_checklistentry WHERE review_id = NEW.review_id\n        ) THEN\n            RAISE EXCEPTION 'archived too early: the checklist is empty' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_complete';\n        END IF;\n    RETURN NEW;",
                    hash="a2cb2fb7705083fc7eca389d26807f027a36f9e1",
                    operation="INSERT",
                    pgid="pgtrigger_lacks_nothing_2fcb2",
                    table="postmortem_revision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="agrees_with_its_review",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE standing postmortem_revision%ROWTYPE;",
                    func="\n    SELECT v.* INTO standing FROM postmortem_revision v\n    WHERE v.review_id = NEW.review_id\n      AND NOT EXISTS (SELECT FROM postmortem_reopening o WHERE o.revision_id = v.id);\n\n        IF (SELECT archived_at FROM postmortem_review WHERE id = NEW.review_id) IS DISTINCT FROM standing.archived_at THEN\n            RAISE EXCEPTION 'the review does not say what its revisions say' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_by_a_revision';\n        END IF;\n    RETURN NULL;",
                    hash="39d6641e7511d1250cd582177d22dcdd30b56a7a",
                    operation="INSERT",
                    pgid="pgtrigger_agrees_with_its_review_98c4e",
                    table="postmortem_revision",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="rootcause",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN (OLD.review_id, NEW.review_id) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="387cfd1e10e0606ae14900af7b3335c0ac2be181",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_2cea3",
                    table="postmortem_rootcause",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="timeline",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF (TG_OP <> 'UPDATE' OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE right(key, 5) <> '_html') <> (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE right(key, 5) <> '_html')) AND EXISTS (\n            SELECT FROM postmortem_review\n            WHERE id IN ((\n    SELECT n.review_id FROM postmortem_participant p JOIN postmortem_incident n ON n.id = p.incident_id\n    WHERE p.id = OLD.participant_id\n), (\n    SELECT n.review_id FROM postmortem_participant p JOIN postmortem_incident n ON n.id = p.incident_id\n    WHERE p.id = NEW.participant_id\n)) AND archived_at IS NOT NULL\n            FOR SHARE\n        ) THEN\n            RAISE EXCEPTION 'an archived review is read-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'archived_is_read_only';\n        END IF;\n    RETURN coalesce(NEW, OLD);",
                    hash="62429402a89783621c39117287b355bb8368193e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_6ee2b",
                    table="postmortem_timeline",
                    when="BEFORE",
                ),
            ),
        ),
    ]
