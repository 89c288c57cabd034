"""What goes over the wire: JSON in, JSON out, within bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class Unreadable(Exception):
    """A body is no JSON as we take it; the message says why, in English."""


def read(body: bytes) -> Any:
    """The JSON of a body: in UTF-8, its numbers finite, each field of an object given once.

    Raises:
        Unreadable: it is not that.
    """
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once
        )
    except UnicodeDecodeError:
        raise Unreadable("The request is not UTF-8.") from None
    except RecursionError:
        raise Unreadable("The request is nested too deeply.") from None
    except _GivenTwice as problem:
        raise Unreadable(f"The field “{problem}” is given twice.") from None
    except ValueError as problem:
        raise Unreadable(f"The request is not JSON: {problem}") from None


class StrictJSONParser(JSONParser):
    """JSON as `read` takes it.

    The parser it refines takes 1e999 for infinity, fails on deep nesting and lets the last of two fields of
    one name win. Django refuses bodies over DATA_UPLOAD_MAX_MEMORY_SIZE before they get here.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return read(stream.read())
        except Unreadable as problem:
            raise ParseError(str(problem)) from None


class _GivenTwice(Exception):
    """Of two fields of one name others might read the other one."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _value in pairs]
        raise _GivenTwice(next(name for name in names if names.count(name) > 1))
    return fields


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
