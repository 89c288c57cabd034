from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0033_unfinished_reviews_and_items_by_index")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="made_url",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="draft",
            name="made_words",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="draft",
            name="content_hash",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
