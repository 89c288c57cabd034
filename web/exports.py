"""Tables as downloads."""

from collections.abc import Iterable, Sequence

from django.http import StreamingHttpResponse

from postmortem import spreadsheets


def csv_response(
    filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """A download, sent row by row."""
    response = StreamingHttpResponse(spreadsheets.lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
