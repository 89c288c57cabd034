"""Indexes that let governance/sql/service_present.sql pass by what is sound without touching its rows.

They belong to one statement and to no question that a model asks, so they stand here and not in the models.
"""

from django.db import migrations

INDEXES = {
    "audit_items_owed": (
        "remediation_remediationitem (service_id, due_at, owner_id, first_verified_at, id)"
        " WHERE state IN ('open', 'in_progress', 'fix_claimed', 'verifying', 'regressed')"
    ),
    "audit_items_resting_on_checks": (
        "remediation_remediationitem (service_id, id) WHERE state IN ('fix_claimed', 'verifying', 'verified')"
    ),
    "audit_incidents_by_origin": "postmortem_incidentservice (service_id, incident_id) WHERE part = 'origin'",
    "audit_reviews_not_archived": "postmortem_review (id) WHERE archived_at IS NULL",
    "audit_people_who_left": "accounts_user (id) WHERE NOT is_active",
}


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0002_people_in_the_trail"),
        ("remediation", "0001_records"),
        ("postmortem", "0001_records"),
        ("accounts", "0001_people"),
    ]

    operations = [
        migrations.RunSQL(f"CREATE INDEX {name} ON {columns}", f"DROP INDEX {name}")
        for name, columns in INDEXES.items()
    ]
