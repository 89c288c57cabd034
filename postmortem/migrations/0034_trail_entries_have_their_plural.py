from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0033_unfinished_reviews_and_items_by_index")]

    operations = [
        migrations.AlterModelOptions(
            name="trailentry",
            options={"ordering": ("-id",), "verbose_name_plural": "trail entries"},
        ),
    ]
