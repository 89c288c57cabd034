"""How large the bodies of the events are that came before."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("governance", "0021_events_may_lose_their_bodies")]

    operations = [
        migrations.RunSQL(
            "UPDATE governance_inboundevent SET size = octet_length(body) WHERE body IS NOT NULL",
            migrations.RunSQL.noop,
        ),
    ]
