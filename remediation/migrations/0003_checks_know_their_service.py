"""A check carries its item's service: the audit finds a service's checks without reading all its items."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

COPY = """
    UPDATE remediation_verificationcheck c SET service_id = i.service_id
    FROM remediation_remediationitem i WHERE i.id = c.item_id;
    -- The column cannot become mandatory while its foreign keys wait to be looked at.
    SET CONSTRAINTS ALL IMMEDIATE;
"""
COPIES_THE_SERVICE = """
                    SELECT service_id INTO NEW.service_id
                    FROM remediation_remediationitem WHERE id = NEW.item_id;
                    RETURN NEW;
                """
TELLS_ITS_CHECKS = """
                    UPDATE remediation_verificationcheck SET service_id = NEW.service_id
                    WHERE item_id = NEW.id;
                    RETURN NULL;
                """


def service(**more):
    return models.ForeignKey(
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="postmortem.service",
        **more,
    )


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0002_default_severities"), ("remediation", "0002_default_sla")]

    operations = [
        migrations.AddField("verificationcheck", "service", service(null=True)),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.AlterField("verificationcheck", "service", service()),
        pgtrigger.migrations.AddTrigger(
            model_name="remediationitem",
            trigger=pgtrigger.compiler.Trigger(
                name="tells_its_checks_the_service",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."service_id" IS DISTINCT FROM (NEW."service_id"))',
                    func=TELLS_ITS_CHECKS,
                    hash="e7e13b9a56ed1496b41cbc926e29ecc4f6c5b3b7",
                    operation='UPDATE OF "service_id"',
                    pgid="pgtrigger_tells_its_checks_the_service_bd3e5",
                    table="remediation_remediationitem",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="verificationcheck",
            trigger=pgtrigger.compiler.Trigger(
                name="copies_the_service",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func=COPIES_THE_SERVICE,
                    hash="af84023ecd4f456d3c385ec3afd26e173cafc0de",
                    operation='INSERT OR UPDATE OF "item_id"',
                    pgid="pgtrigger_copies_the_service_82bb4",
                    table="remediation_verificationcheck",
                    when="BEFORE",
                ),
            ),
        ),
    ]
