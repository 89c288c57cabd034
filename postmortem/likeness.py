"""Pure: how much one cause looks like earlier ones, by class, service and words, each told with its reasons.

Words are weighed as search engines weigh them: rare ones count more (TF-IDF), and the lengths of the texts
are taken out (cosine). English is cut into words, Chinese into pairs of characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

# What each kind of agreement counts; together 1.
TEXT_SHARE, CLASS_SHARE, SERVICE_SHARE = 0.6, 0.25, 0.15
# A neighbour in the catalogue, below the same class, is half an agreement.
NEIGHBOUR = 0.5
# Texts this alike count as equal: two people never write the same sentence.
FULL_TEXT = 0.5
# Below the first nothing is suggested; from the second on it is called likely.
FAINT, LIKELY = 0.22, 0.45
# A suggestion needs words in common: class and service alone would suggest everything of a service.
LEAST_TEXT = 0.06
MAX_TEXT = 6_000
_SHOWN_WORDS = 6

_NOISE = re.compile(
    r"https?://\S+|```.*?```|[\w.+-]+@[\w-]+\.[\w.]+|\b[0-9a-f]{7,}\b|\b\d[\d:.,/-]*\w{0,2}\b", re.DOTALL
)
_WORD = re.compile(r"[A-Za-z][A-Za-z]+|[\u3400-\u9fff]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STOP = frozenset(
    """
    a about above after again all also although always am an and any are aren as at back be became because
    been before began being below between both but by came can cannot caused causes cause come could did do
    does doing done down due during each either else end enough even ever every few first for from further
    get gets getting go goes going gone got had happen happened happens has have having he her here him his
    how however if in incident instead into is it its itself just know known last later least less let like
    made make makes many may me might more most much must my near need needed new next no nor not nothing
    now of off often on once one only onto or other our out over own part per perhaps problem problems put
    rather really same see seen several she should since so some something soon still such take taken than
    that the their them themselves then there these they this those though through thus time to together
    too took two under until up upon us use used uses using very via was we well went were what when where
    whether which while who whole why will with within without would yet you your issue issues day days hour
    hours minute minutes started noticed found team user users utc pst
    """.split()  # noqa: SIM905 - a list of words is read as one
)
# What any report of an incident says, whatever its cause, and when it was.
_FORM = frozenset(
    """
    action actions affected alert alerted alerts background context declare declared detected detection
    discovered downtime duration etc followup github https identified impact impacted incidents investigated
    investigation item items learned lesson lessons outage overview postmortem process repair repaired report
    reported reports resolution resolve resolved restored review reviewed root slack summary symptom thread
    ticket timeline unavailable www
    january february march april june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    """.split()  # noqa: SIM905 - as above
)
_CHINESE_FORM = re.compile(
    "我们|问题|影响|故障|事故|事件|恢复|正常|目前|由于|导致|出现|发现|进行|时间|原因|根因|分析|处理|情况|相关|已经"
    "|复盘|现象|用户|总结|概述|背景|排查|告警"
)
_CHINESE_STOP = frozenset(
    "的了是在和与及或也都被把对就而并但因为于以从到由将会能可这那其之所有个时后前中上下没不"
)


@dataclass(frozen=True, slots=True)
class Text:
    """A cause as it is compared.

    Attributes:
        words: statement, evidence and whys, in any language.
        class_path: slugs of its class, from the top of the catalogue down; empty when it has none.
        services: slugs of the services it came from or touched.
    """

    key: int
    words: str
    class_path: Sequence[str] = ()
    services: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much an earlier cause looks like the one asked about.

    Attributes:
        score: 0 to 1; `text` is its part in words alone, before it is weighed.
        shared_class: the slug both agree on, the lowest one; "" for none.
        is_same_class: that is the class of both, and not only a class above them.
        shared_words: what weighed most, as the text asked about writes it.
    """

    key: int
    score: float
    text: float
    shared_class: str
    is_same_class: bool
    shared_services: tuple[str, ...]
    shared_words: tuple[str, ...]

    @property
    def is_likely(self) -> bool:
        return self.score >= LIKELY


def rank(asked: Text, earlier: Sequence[Text], *, most: int = 5) -> list[Likeness]:
    """The earlier causes that look like the one asked about, the most alike first; faint ones are left out.

    Time and memory grow with the texts' lengths, of which only the first 6,000 characters are read.
    """
    counts = [_counted(asked.words), *(_counted(one.words) for one in earlier)]
    weights = _weigh(counts)
    written = _written(asked.words)
    found = [
        _compare(asked, one, weights[0], weights[number], written)
        for number, one in enumerate(earlier, start=1)
    ]
    kept = [one for one in found if one.score >= FAINT and one.text >= LEAST_TEXT]
    return sorted(kept, key=lambda one: (-one.score, one.key))[:most]


def terms(text: str) -> list[str]:
    """The words that tell one text from another: stems of English ones, pairs of Chinese characters.

    >>> terms("The pools were exhausted: 连接池")
    ['pool', 'exhaust', '连接', '接池']
    """
    return [term for term, _word in _terms(text)]


def _terms(text: str) -> Iterator[tuple[str, str]]:
    """Each term, and the word it stands for."""
    for run in _WORD.findall(_NOISE.sub(" ", text[:MAX_TEXT])):
        if run[0] >= "\u3400":
            parts = _CHINESE_FORM.split(run)
            yield from ((pair, pair) for part in parts for pair in _pairs(part))
            continue
        for word in map(str.lower, _CAMEL.split(run)):
            stem = _stem(word)
            if len(stem) > 1 and not {word, stem} & (_STOP | _FORM):
                yield stem, word


def _written(text: str) -> dict[str, str]:
    """For each term the shortest word it stands for."""
    found: dict[str, str] = {}
    for term, word in _terms(text):
        if term not in found or len(word) < len(found[term]):
            found[term] = word
    return found


def _joined(words: Sequence[str]) -> tuple[str, ...]:
    """The same words, with pairs of Chinese characters that overlap put together again."""
    found: list[str] = []
    for word in words:
        if word[0] < "\u3400":
            found.append(word)
            continue
        while other := next((one for one in found if one[-1] == word[0] or one[0] == word[-1]), None):
            found.remove(other)
            word = other + word[1:] if other[-1] == word[0] else word + other[1:]
        found.append(word)
    return tuple(found)


def _pairs(run: str) -> list[str]:
    if len(run) < 2:
        return []
    pairs = (run[at : at + 2] for at in range(len(run) - 1))
    return [pair for pair in pairs if not set(pair) & _CHINESE_STOP]


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    """A word without its commonest endings; it only has to be the same for the same word."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending, least in (("ing", 6), ("ied", 5), ("ed", 5), ("es", 5), ("s", 4)):
        if len(word) >= least and word.endswith(ending) and not word.endswith(("ss", "us", "is")):
            stem = word.removesuffix(ending)
            if ending == "es" and not stem.endswith(("s", "x", "z", "ch", "sh")):
                stem += "e"
            # "dropped" and "dropping" are "drop".
            if ending in {"ing", "ed"} and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls":
                stem = stem[:-1]
            return stem.removesuffix("e") if len(stem) > 4 else stem
    return word.removesuffix("e") if len(word) > 4 else word


def _counted(text: str) -> Counter[str]:
    return Counter(terms(text))


def _weigh(counts: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """Vectors of length 1: a term counts by how often it stands here and in how few texts."""
    seen: Counter[str] = Counter()
    for one in counts:
        seen.update(one.keys())
    total = len(counts)
    vectors = []
    for one in counts:
        vector = {
            term: (1 + math.log(times)) * math.log(1 + (total + 1) / (seen[term] + 0.5))
            for term, times in one.items()
        }
        length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
        vectors.append({term: value / length for term, value in vector.items()})
    return vectors


def _compare(
    asked: Text, one: Text, mine: dict[str, float], theirs: dict[str, float], written: dict[str, str]
) -> Likeness:
    few, many = sorted((mine, theirs), key=len)
    products = {term: value * many[term] for term, value in few.items() if term in many}
    text = sum(products.values())
    common = [a for a, b in zip(asked.class_path, one.class_path, strict=False) if a == b]
    is_same = bool(common) and list(asked.class_path) == list(one.class_path)
    services = tuple(sorted(set(asked.services) & set(one.services)))
    score = (
        TEXT_SHARE * min(1.0, text / FULL_TEXT)
        + CLASS_SHARE * (1.0 if is_same else NEIGHBOUR if common else 0.0)
        + SERVICE_SHARE * bool(services)
    )
    strongest = sorted(products, key=lambda term: (-products[term], term))[:_SHOWN_WORDS]
    words = _joined([written.get(term, term) for term in strongest])
    return Likeness(one.key, score, text, common[-1] if common else "", is_same, services, words)
