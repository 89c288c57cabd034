"""The audit finds a service's checks by the service they carry, so one index has no reader any more."""

from django.db import migrations

INDEX = "audit_items_resting_on_checks"
WAS = (
    f"CREATE INDEX {INDEX} ON remediation_remediationitem (service_id, id)"
    " WHERE state IN ('fix_claimed', 'verifying', 'verified')"
)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0003_indexes_of_the_audit"),
        ("remediation", "0003_checks_know_their_service"),
    ]
    operations = [migrations.RunSQL(f"DROP INDEX {INDEX}", WAS)]
