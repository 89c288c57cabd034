"""An audit asks which checks of a service are stale: mostly none, which this index says without their rows.

The expression is the one of governance/sql/service_sound.sql. It counts in UTC, because PostgreSQL keeps no
index of what depends on the zone of a session.
"""

from django.db import migrations

INDEX = "audit_checks_by_staleness"


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_notices"),
        ("remediation", "0003_checks_know_their_service"),
    ]
    operations = [
        migrations.RunSQL(
            f"""
            CREATE INDEX {INDEX} ON remediation_verificationcheck (
                service_id,
                (
                    (coalesce(last_verdict_at, created_at) AT TIME ZONE 'UTC')
                    + (3 * interval_seconds + 300) * interval '1 second'
                )
            ) WHERE NOT is_paused
            """,
            f"DROP INDEX {INDEX}",
        )
    ]
