"""Pure: tables as CSV that spreadsheets may open without harm."""

import csv
from collections.abc import Iterable, Iterator, Sequence

# A cell that begins with one of these is run as a formula by spreadsheets; the full-width forms too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: object) -> str:
    """`value` as text that no spreadsheet takes for a formula: an apostrophe stands before it."""
    text = "" if value is None else str(value).replace("\x00", "")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) and not is_number else text


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file line by line; with a byte order mark, or Excel would misread Chinese."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([harmless(cell) for cell in header])
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


class _Echo:
    """A file that hands back what is written, so that csv.writer can feed a stream."""

    def write(self, text: str) -> str:
        return text
