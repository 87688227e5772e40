"""What the editor says: the formula's vocabulary as its help panel shows it, what each template suits, what a check found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby

from common.errors import DomainError
from engine.strategy.formula import vocabulary
from engine.strategy.types import Graph


@dataclass(frozen=True, slots=True)
class Word:
    """One word: how it is written, what it means, what inserting it types, and in what a search finds it."""

    name: str
    signature: str
    doc: str
    insert: str
    search: str


@dataclass(frozen=True, slots=True)
class WordGroup:
    """Words of one kind."""

    label: str
    words: tuple[Word, ...]


@cache
def vocabulary_groups() -> tuple[WordGroup, ...]:
    """Return all words by their groups, what a strategy does first."""
    words = sorted(vocabulary(), key=lambda word: _PLACES.get(word["group"], len(_PLACES)))
    return tuple(
        WordGroup(_label(group), tuple(map(_word, found)))
        for group, found in groupby(words, lambda word: word["group"])
    )


_PLACES = {group: place for place, group in enumerate(("What to do", "Parameters", "Operators", "Sizing", "Forms"))}


def _label(group: str) -> str:
    return group[:1].upper() + group[1:].replace("_", " ")


def _word(word: dict[str, str]) -> Word:
    written = word["signature"]
    statement = word["group"] in ("What to do", "Parameters")
    return Word(
        name=word["name"],
        signature=written,
        doc=word["doc"],
        insert=f"{written}\n" if statement else written,
        search=" ".join(word.values()).lower(),
    )


# What each ready template is for, and what it is not; beside its summary.
SUITS = {
    "ema_cross": "Suits markets that trend for days. Loses small amounts often while prices go sideways.",
    "sma_cross": "Suits long, steady trends; slower to turn than its exponential sister.",
    "rsi_reversion": "Suits markets that swing back and forth. A crash that goes on is its enemy: use a stop.",
    "macd_trend": "Suits markets with clear trends; the long average keeps it out of falling ones.",
    "bollinger_reversion": "Suits calm markets that return to their mean.",
    "bollinger_breakout": "Suits markets that break out of quiet times into trends.",
    "donchian_breakout": "Suits strong, long trends: few large wins pay for many small losses.",
    "supertrend_trend": "Suits trends, with a stop that follows how restless the market is.",
    "stochastic": "Suits short swings within a range.",
    "vwap_reversion": "Suits liquid markets within one day.",
    "momentum_trend": "Suits markets in which what has risen goes on rising.",
    "multi_timeframe_trend": "Suits trends on a larger scale, entered on a smaller one.",
    "dual_momentum": "Suits several instruments at once: holds the strongest, or nothing.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a formula says: a sentence where all is well, else the refusal and where its fault is."""

    sentence: str = ""
    fault: DomainError | None = None
    line: int = 0
    column: int = 0


def checked(graph: Graph | None, fault: DomainError | None) -> Checked:
    """Return what is said of a formula that means this graph, or has this fault."""
    if fault is not None:
        line, column = _place(fault)
        return Checked(fault=fault, line=line, column=column)
    if graph is None:
        return Checked()
    signals = [name.replace("_", " ") for name in graph.outputs]
    parameters = len(graph.parameters)
    tuned = f"{parameters} parameter{'' if parameters == 1 else 's'} to tune" if parameters else "no parameters to tune"
    return Checked(sentence=f"This is a whole strategy: {', '.join(signals) or 'no signals yet'}; {tuned}.")


def _place(fault: DomainError) -> tuple[int, int]:
    """Return line and column (from 1) of a fault, or zeros where it has none."""
    line, _, column = str(fault.context.get("place", "")).partition(":")
    return (int(line), int(column)) if line.isdecimal() and column.isdecimal() else (0, 0)
