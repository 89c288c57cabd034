"""What trends need of a report, beside its figures: these are two megabytes of a large month.

The database makes it of the figures, so that it cannot say anything else. `governance.trends` reads it in this
order; a figure that a report of old lacks is NULL.
"""

from django.db import migrations

_PATHS = (
    "all,closure,n",
    "all,closure,numerator",
    "all,ttr,n",
    "all,ttr,median_seconds",
    "all,ttr,p90_seconds",
    "all,proactive,n",
    "all,gate-blocks,n",
    "all,gate-blocks,numerator",
    "all,gate-waivers,numerator",
    "verified",
)
_PARTS = ", ".join(f"(figures #>> '{{{path}}}')::int" for path in _PATHS)


class Migration(migrations.Migration):
    dependencies = [("governance", "0025_incidents_that_are_not_settled")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE governance_governancereport ADD COLUMN trend int[]"
            f" GENERATED ALWAYS AS (ARRAY[{_PARTS}]) STORED",
            "ALTER TABLE governance_governancereport DROP COLUMN trend",
        )
    ]
