"""What goes over the wire: JSON in, JSON out, within bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class StrictJSONParser(JSONParser):
    """JSON in UTF-8 whose numbers are finite.

    The parser it refines takes 1e999 for infinity and fails on deep nesting. Django refuses bodies
    over DATA_UPLOAD_MAX_MEMORY_SIZE before they get here.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return json.loads(stream.read().decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        except UnicodeDecodeError:
            raise ParseError(_("The request is not UTF-8.")) from None
        except RecursionError:
            raise ParseError(_("The request is nested too deeply.")) from None
        except ValueError as error:
            raise ParseError(_("The request is not JSON: %(reason)s") % {"reason": error}) from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


class AlwaysJSON(BaseContentNegotiation):
    """There is one format, so what the caller says that it accepts decides nothing."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or ""
