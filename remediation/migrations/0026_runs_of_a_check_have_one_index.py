"""`one_run_per_check_and_slot` finds the runs of a check as well, read backwards."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("remediation", "0025_probes_have_networks_and_secrets")]

    operations = [migrations.RemoveIndex(model_name="checkrun", name="run_by_check")]
