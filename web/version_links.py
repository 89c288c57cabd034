"""How many versions the texts of a page have, so that `{% versions_link record "column" %}` offers them."""

from collections.abc import Iterable

from django.db.models import Model

from remediation import texts


def counted(records: Iterable[Model]) -> None:
    """Tell records how many versions their texts have, in one statement for all.

    Args:
        records: those whose whole history the reader may read; of entries only their own.
    """
    rows = list(records)
    found = texts.count(rows)
    for row in rows:
        row.version_counts = found
