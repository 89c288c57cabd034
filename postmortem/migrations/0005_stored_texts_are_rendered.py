"""Texts that were stored before get their HTML; one that cannot be rendered is shown as it stands."""

from django.db import migrations

from postmortem import markup
from postmortem.errors import Invalid

_COLUMNS = {
    "incident": ["summary"],
    "review": ["went_well", "went_badly", "luck"],
    "reviewstep": ["finding", "evidence"],
    "rootcause": ["evidence"],
}


def render(apps, schema_editor):
    for name, columns in _COLUMNS.items():
        model = apps.get_model("postmortem", name)
        for row in model.objects.order_by("pk").iterator(chunk_size=200):
            html = {f"{column}_html": _stored(getattr(row, column)) for column in columns}
            if any(getattr(row, column) != text for column, text in html.items()):
                model.objects.filter(pk=row.pk).update(**html)


def _stored(text):
    try:
        return markup.stored(text)
    except Invalid:
        return ""


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0004_html_is_stored_beside_each_text")]
    operations = [migrations.RunPython(render, migrations.RunPython.noop)]
