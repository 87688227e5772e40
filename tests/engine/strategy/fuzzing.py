"""Inputs that nobody sane would send, endlessly and from a seed: formulas as text, and graphs as JSON."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from time import thread_time
from typing import Any

from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import StrategyError

# The promise: an answer within this time, whatever comes; of our own thread, since a machine may have more to do.
SECONDS = 1.0

_CHARACTERS = (
    "abcdefgxyz_ABC019.,+-*/<>=!(){}[]:;#\"'\\ \t\n\r&|^%@~$`\x00\x0c\x1b\x85\xa0é中\u2028\u200b\U0001f600\ud800\udfff"
)
_TEXT = """and or not True False None if lambda for in is = == < <= > >= != + - * / ** ( ) { } , : #
enter_long exit_long enter_short exit_short stop_loss roi size entry trailing_stop time_stop max_open_trades parameter
trailing limit share_of_equity fixed atr_risk kelly a b fast trend 0 1 2 14 0.5 1e9 -1 1e-9 500 99999999999999999999
9**9**9 1e400 0x10 1j 1_0 007 'text' "1h" f"x" source= period= """
_WORDS = (*_TEXT.split(), '"', "'", '"\\', "\n", "\r\n", "\t")
_NUMBERS = (0, -1, 1, 2.5, 1e308, -1e308, 1e-320, 10**30, float("inf"), float("nan"), True)
_JUNK: tuple[Any, ...] = (
    None,
    "",
    "close",
    "n1",
    "\x00",
    "\ud800",
    "é" * 50,
    [],
    {},
    [[]],
    {"node": "n1"},
    {"parameter": 3},
    *_NUMBERS,
)


def survives(read: Callable[[Any], object], given: object) -> bool:
    """Say whether an input was taken; refused is fine. Any other exception comes through, and so does slowness."""
    started = thread_time()
    try:
        read(given)
        taken = True
    except StrategyError as refused:
        assert refused.code
        assert refused.message
        taken = False
    took = thread_time() - started
    assert took < SECONDS, f"{took:.2f} s for {str(given)[:200]!r}"
    return taken


def formulas(random: Random, valid: list[str]) -> Iterator[str]:
    """Yield texts without end: noise, words in a row, sentences of the grammar, and valid formulas that were damaged."""
    makers: list[Callable[[], str]] = [
        lambda: "".join(random.choices(_CHARACTERS, k=random.randint(0, 80))),
        lambda: _soup(random),
        lambda: _sentences(random),
        lambda: _damaged(random, random.choice(valid)),
        lambda: _damaged(random, random.choice(valid)),
        lambda: _monster(random),
    ]
    weights = [15, 20, 25, 20, 20, 1]
    while True:
        yield random.choices(makers, weights)[0]()


def documents(random: Random, valid: list[Any]) -> Iterator[Any]:
    """Yield what a JSON body could hold, without end: valid graphs with parts changed, taken away, doubled or moved."""
    while True:
        document = copy.deepcopy(random.choice(valid))
        for _ in range(random.choice([1, 1, 1, 2, 3, 8])):
            document = _changed(random, document)
        yield document


def _soup(random: Random) -> str:
    words = random.choices([*_WORDS, *random.sample(list(NODE_TYPES), 12)], k=random.randint(1, 40))
    return random.choice(["", "enter_long = ", "a = "]) + random.choice(["", " "]).join(words)


def _damaged(random: Random, text: str) -> str:
    for _ in range(random.choice([1, 1, 2, 5])):
        at, length = random.randint(0, len(text)), random.choice([0, 1, 1, 2, 10])
        pieces = [random.choice(_CHARACTERS), random.choice(_WORDS), text[at : at + 20], "", text[:at][-15:]]
        text = text[:at] + random.choice(pieces) + text[at + length :]
    return text


def _sentences(random: Random) -> str:
    """Return lines that keep the grammar and little else: kinds, bounds and names come as they come."""
    names = ["enter_long", "exit_long", "enter_short", "a", "b", "fast", "close", "stop_loss", "size", "roi"]
    lines = [f"{random.choice(names)} = {_value(random, random.randint(0, 5))}" for _ in range(random.randint(1, 5))]
    return "\n".join(lines)


def _value(random: Random, depth: int) -> str:
    if depth == 0:
        return random.choice(["close", "open", "volume", "a", "b", "fast", "14", "0.5", "-3", '"1h"', "True", "1e99"])
    inner = [_value(random, depth - 1) for _ in range(random.randint(1, 3))]
    name = random.choice([*NODE_TYPES, "parameter", "limit", "emaa"])
    operator = random.choice([" + ", " / ", " < ", " == ", " and ", " or ", " - "])
    shapes = [
        f"{name}({', '.join(inner)})",
        f"{name}({inner[0]}, period={inner[-1]})",
        operator.join(inner),
        f"({operator.join(inner)})",
        f"not {inner[0]}",
        f"-{inner[0]}",
        f"{{{inner[0]}: {inner[-1]}}}",
    ]
    return random.choices(shapes, [5, 2, 5, 3, 1, 1, 1])[0]


def _monster(random: Random) -> str:
    """Return something that is too much: too deep, too long, too many."""
    n = random.choice([30, 60, 200, 3000, 19_000])
    shapes = [
        f"a = {'(' * n}1{')' * n}",
        f"a = {'-' * n}close",
        "a = " + "not " * n + "b",
        "a = " + "+".join(["close"] * n),
        "enter_long = " + " and ".join(["close > open"] * n),
        "enter_long = " + " < ".join(["close"] * n),
        "a = " + "sma(" * n + "close" + ", 3)" * n,
        "\n".join(f"a{i} = close + {i}" for i in range(n)),
        f"a = {'9' * n}",
        f"a = '{'x' * n}'",
        "roi = {" + ", ".join(f"{i}: 0.1" for i in range(n)) + "}",
        "a = sma(close, " + ", ".join(["1"] * n) + ")",
    ]
    return random.choice(shapes)[: random.choice([20_000, 100_000])]


def _changed(random: Random, document: Any) -> Any:
    """Return the document with one of its parts, anywhere, changed."""
    parts = list(_parts(document))
    if not parts:
        return random.choice(_JUNK)
    owner, key = random.choice(parts)
    action = random.random()
    if action < 0.4:
        owner[key] = copy.deepcopy(random.choice(_JUNK))
    elif action < 0.6:
        other, its_key = random.choice(parts)
        owner[key] = copy.deepcopy(other[its_key])
    elif action < 0.75:
        del owner[key]
    elif isinstance(owner, list):
        owner.append(copy.deepcopy(owner[key]))
    else:
        owner[random.choice(["", "extra", "id", "type", "node", "parameter", "\ud800"])] = owner[key]
    return document


def _parts(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a document as (its list or object, key); a copy may stand in itself only so deep."""
    todo = [document]
    while todo:
        owner = todo.pop()
        keys = list(owner) if isinstance(owner, dict) else range(len(owner)) if isinstance(owner, list) else ()
        for key in keys:
            yield owner, key
            todo.append(owner[key])
