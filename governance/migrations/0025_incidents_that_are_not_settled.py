"""Incidents that still may break a rule are kept apart, by triggers on all that decides it.

A row too few would be a wrong pass, so whoever reads what somebody else may change at the same moment locks it
first: a service comes to an incident while its review is opened again, and one of the two waits for the other.
"""

import django.db.models.deletion
from django.db import migrations, models

SETTLE = """
CREATE FUNCTION governance_settle(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM governance_unsettledincident WHERE incident_id = ANY(ids);
    INSERT INTO governance_unsettledincident (service_id, incident_id)
    SELECT DISTINCT l.service_id, n.id
    FROM postmortem_incident n
    JOIN postmortem_incidentservice l ON l.incident_id = n.id AND l.part = 'origin'
    JOIN postmortem_severity v ON v.id = n.severity_id AND v.requires_postmortem
    LEFT JOIN postmortem_review r ON r.id = n.review_id
    WHERE n.id = ANY(ids) AND n.dismissed_as = '' AND NOT n.is_drill AND r.archived_at IS NULL
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION governance_settle_incident() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM postmortem_severity WHERE id = NEW.severity_id FOR SHARE;
    PERFORM FROM postmortem_review WHERE id = NEW.review_id FOR SHARE;
    PERFORM governance_settle(ARRAY[NEW.id]);
    RETURN NULL;
END $$;

CREATE FUNCTION governance_settle_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[] := '{}';
BEGIN
    IF TG_OP <> 'INSERT' THEN
        touched := touched || OLD.incident_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        touched := touched || NEW.incident_id;
    END IF;
    PERFORM FROM postmortem_incident WHERE id = ANY(touched) ORDER BY id FOR SHARE;
    PERFORM FROM postmortem_severity
    WHERE id IN (SELECT severity_id FROM postmortem_incident WHERE id = ANY(touched)) ORDER BY id FOR SHARE;
    PERFORM FROM postmortem_review
    WHERE id IN (SELECT review_id FROM postmortem_incident WHERE id = ANY(touched)) ORDER BY id FOR SHARE;
    PERFORM governance_settle(touched);
    RETURN NULL;
END $$;

CREATE FUNCTION governance_settle_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM governance_settle(ARRAY(SELECT id FROM postmortem_incident WHERE review_id = NEW.id));
    RETURN NULL;
END $$;

CREATE FUNCTION governance_settle_severity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM governance_settle(ARRAY(SELECT id FROM postmortem_incident WHERE severity_id = NEW.id));
    RETURN NULL;
END $$;

CREATE TRIGGER governance_settle AFTER UPDATE ON postmortem_incident FOR EACH ROW
WHEN ((OLD.dismissed_as, OLD.is_drill, OLD.review_id, OLD.severity_id)
      IS DISTINCT FROM (NEW.dismissed_as, NEW.is_drill, NEW.review_id, NEW.severity_id))
EXECUTE FUNCTION governance_settle_incident();

CREATE TRIGGER governance_settle AFTER INSERT OR UPDATE OR DELETE ON postmortem_incidentservice
FOR EACH ROW EXECUTE FUNCTION governance_settle_link();

CREATE TRIGGER governance_settle AFTER UPDATE ON postmortem_review FOR EACH ROW
WHEN ((OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL))
EXECUTE FUNCTION governance_settle_review();

CREATE TRIGGER governance_settle AFTER UPDATE ON postmortem_severity FOR EACH ROW
WHEN (OLD.requires_postmortem <> NEW.requires_postmortem)
EXECUTE FUNCTION governance_settle_severity();

SELECT governance_settle(ARRAY(SELECT id FROM postmortem_incident));
"""

UNSETTLE = """
DROP TRIGGER governance_settle ON postmortem_severity;
DROP TRIGGER governance_settle ON postmortem_review;
DROP TRIGGER governance_settle ON postmortem_incidentservice;
DROP TRIGGER governance_settle ON postmortem_incident;
DROP FUNCTION governance_settle_severity();
DROP FUNCTION governance_settle_review();
DROP FUNCTION governance_settle_link();
DROP FUNCTION governance_settle_incident();
DROP FUNCTION governance_settle(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0024_trail_of_people_and_tokens"),
        ("postmortem", "0031_services_by_repository"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnsettledIncident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="postmortem.incident",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="postmortem.service",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("service", "incident"), name="unsettled_incident_once_for_each_service"
                    )
                ],
            },
        ),
        migrations.RunSQL(SETTLE, UNSETTLE),
    ]
