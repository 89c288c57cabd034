"""Pure: rows in, figures out; each formula stands in a docstring and is said on the page.

A figure is always computed from the very rows that its list shows, so a count and its list cannot differ.
No rows give None, never 0: nothing happened is not the same as nothing was kept.
"""

from governance.metrics.catalogue import CATALOGUE, Definition, counted
from governance.metrics.closing import (
    Ageing,
    Closure,
    Times,
    ageing,
    ageing_of,
    bands,
    closure,
    closure_rate,
    times,
)
from governance.metrics.counting import Counted, Shape, Unit, Value, measure, split
from governance.metrics.durations import Spread, quantile, spread
from governance.metrics.gate import Asked, asked
from governance.metrics.programs import IDLE
from governance.metrics.rows import (
    AgreedItem,
    DueItem,
    ExamPlace,
    Exclusion,
    GateQuestion,
    HealedRun,
    Leader,
    Outcome,
    OverdueItem,
    PrimaryCause,
    Quarter,
    ResolvedIncident,
    Rows,
    Stated,
    UsedWaiver,
    WentOut,
)

__all__ = [
    "CATALOGUE",
    "IDLE",
    "Ageing",
    "AgreedItem",
    "Asked",
    "Closure",
    "Counted",
    "Definition",
    "DueItem",
    "ExamPlace",
    "Exclusion",
    "GateQuestion",
    "HealedRun",
    "Leader",
    "Outcome",
    "OverdueItem",
    "PrimaryCause",
    "Quarter",
    "ResolvedIncident",
    "Rows",
    "Shape",
    "Spread",
    "Stated",
    "Times",
    "Unit",
    "UsedWaiver",
    "Value",
    "WentOut",
    "ageing",
    "ageing_of",
    "asked",
    "bands",
    "closure",
    "closure_rate",
    "counted",
    "measure",
    "quantile",
    "split",
    "spread",
    "times",
]
