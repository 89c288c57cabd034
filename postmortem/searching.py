"""Find words in texts, Chinese ones too, without an extension of PostgreSQL.

Chinese is written without spaces, so what PostgreSQL takes for a word is a whole sentence. The function
`closeloop_words` (migration `words_of_texts`) cuts every run of Chinese, Japanese or Korean characters into
all its pairs: 连接池 becomes 连接 and 接池, and is found inside 数据库连接池耗尽. `query` cuts likewise.

Words of incidents, which lists look through, are kept in a table of their own by a trigger; the other texts
have an index on the function. Either way a text is found at once, whoever wrote it, raw SQL included.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, Value
from django.db.models.expressions import Combinable

# Characters of scripts without spaces, for both sides; PostgreSQL and Python read the escapes alike.
UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
LONGEST, MOST_TERMS = 200, 24

_RUNS = re.compile(f"(?P<unspaced>[{UNSPACED}]+)|[^\\W_{UNSPACED}]+")


class Words(Func):
    """The words of some columns of a row; an index is used for the same columns in the same order."""

    function = "closeloop_words"
    output_field = SearchVectorField()

    def __init__(self, *columns: str) -> None:
        super().__init__(*(F(column) for column in columns))


class Matches(Func):
    """Whether words hold all terms of a `query`, as a condition for `filter`."""

    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, words: Combinable, terms: str) -> None:
        asked = Func(Value(terms), template="to_tsquery('simple', %(expressions)s)")
        super().__init__(words, asked)


def query(text: str) -> str:
    """What was typed, as PostgreSQL's query language; "" where it holds nothing to look for.

    Every term must be there. The last word, when no space follows it, may be the beginning of one; so may a
    single Chinese character, for words are kept as pairs.

    >>> query("连接池 time")
    "'连接' & '接池' & 'time':*"
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).lower()
    terms: list[str] = []
    for match in _RUNS.finditer(plain):
        word = match[0]
        if match["unspaced"] and len(word) > 1:
            terms += [f"'{pair}'" for pair in _pairs(word)]
        elif match["unspaced"] or match.end() == len(plain):
            terms.append(f"'{word}':*")
        else:
            terms.append(f"'{word}'")
    return " & ".join(dict.fromkeys(terms[:MOST_TERMS]))


def patterns(text: str) -> list[str]:
    """Of each word that was typed, what a text that holds it is like (`Like`)."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST])
    words = dict.fromkeys(match[0] for match in _RUNS.finditer(plain))
    # A word has no character that would mean another one.
    return [f"%{word}%" for word in list(words)[:MOST_TERMS]]


class Like(Func):
    """Whether a column is like all `patterns`: of few rows, for each is read as it is written."""

    template = "(%(expressions)s))"
    arg_joiner = " ILIKE ALL ("
    output_field = BooleanField()


def _pairs(run: str) -> Sequence[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
