"""What people type into forms is kept until they save it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("postmortem", "0027_facts_of_reviews_carry_a_version"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("page", models.CharField(max_length=32)),
                ("number", models.PositiveBigIntegerField(default=0)),
                ("fields", models.JSONField(default=dict)),
                ("base_version", models.PositiveIntegerField(blank=True, null=True)),
                ("saved_at", models.DateTimeField()),
                ("discarded_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-saved_at", "-id"),
                "indexes": [
                    models.Index(fields=["owner", "key"], name="draft_by_form"),
                    models.Index(fields=["saved_at"], name="draft_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "page"), name="draft_is_one_of_each_page"),
                    models.CheckConstraint(
                        condition=models.Q(("closed_at", None), ("fields", {}), _connector="OR"),
                        name="draft_of_a_saved_form_is_empty",
                    ),
                ],
            },
        ),
    ]
