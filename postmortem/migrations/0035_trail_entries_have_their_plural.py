from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0034_drafts_say_what_they_became")]

    operations = [
        migrations.AlterModelOptions(
            name="trailentry",
            options={"ordering": ("-id",), "verbose_name_plural": "trail entries"},
        ),
    ]
