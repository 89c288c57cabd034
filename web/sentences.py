"""Sentences that are kept in English, in the reader's language: programs are answered by the same ones."""

import re
from collections.abc import Iterable
from functools import cached_property

from django.utils.translation import gettext


class Sentences:
    """Known sentences with places such as %(at)s in them, marked for translation where they stand."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)

    def translated(self, text: str) -> str:
        """The text in the language in force; what is none of the sentences stays as it is."""
        found = self.find(text)
        return text if found is None else found

    def find(self, text: str) -> str | None:
        """The text in the language in force, or None for what is none of the sentences."""
        for sentence, pattern in self._patterns:
            if match := pattern.fullmatch(text):
                places = match.groupdict()
                return gettext(sentence) % places if places else gettext(sentence)
        return None

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (sentence, re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(sentence))))
            for sentence in self.sentences
        ]
