"""What happens in a simulated world, drawn from a seed beforehand: people's acts, workers' turns, time, prices and faults.

A move is a word and some small numbers, which the world takes modulo what it has: any part of a plan is a plan again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from common.ids import seeded_random

LENGTH = 46


@dataclass(frozen=True, slots=True)
class Move:
    name: str
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.name, *map(str, self.numbers)])


Plan = tuple[Move, ...]
# How likely a move is, and the range (first, last) of each of its numbers.
_Kind = tuple[int, tuple[tuple[int, int], ...]]

_PEOPLE: dict[str, _Kind] = {
    "buy": (10, ((0, 2), (0, 1), (1, 6_000))),  # book, instrument, lots
    "sell": (6, ((0, 2), (0, 1), (1, 6_000))),
    "run_buys": (5, ((0, 2), (0, 1), (1, 6_000), (2, 40))),  # and the stop's distance in thousandths
    "run_sells": (5, ((0, 2), (0, 1))),
    "follow": (2, ((0, 2), (0, 1), (50, 2_000), (1, 30))),  # person, lead, amount, multiplier in tenths
    "pause_follow": (1, ((0, 5),)),
    "resume_follow": (1, ((0, 5),)),
    "stop_follow": (2, ((0, 5), (0, 2))),  # follow, mode
    "deposit": (1, ((0, 2), (1, 3_000))),
    "withdraw": (2, ((0, 2), (1, 9_000))),
    "halt": (2, ((0, 2),)),  # level
}
# What waits for a price; half of the seeds have it.
_WAITING: dict[str, _Kind] = {
    # book, instrument, side, lots, price in thousandths of the base price from 0.94 on; then kinds as in `moves.py`
    "limit": (16, ((0, 2), (0, 1), (0, 1), (1, 2_000), (0, 120), (0, 5))),
    "stop": (5, ((0, 2), (0, 1), (0, 1), (1, 2_000), (0, 120), (0, 3))),
    "pair": (7, ((0, 2), (0, 1), (1, 2_000), (0, 120), (0, 120))),
    "bracket": (4, ((0, 2), (0, 1), (1, 2_000), (0, 120))),
    "cancel": (
        5,
        ((0, 9),),
    ),  # which of the orders that wait; of those with an odd number the venue hears nothing at first
    # which, its new limit, whether it becomes twice as large, tenths of it that fill before the venue has canceled it
    "change": (12, ((0, 9), (0, 120), (0, 3), (0, 9))),
}
_WORLD: dict[str, _Kind] = {
    "tick": (10, ((1, 9),)),  # seconds
    "wait": (3, ((10, 70),)),
    "live": (3, ((5, 60),)),  # seconds for which the site goes on by itself, every task and sweep in its time
    "price": (8, ((0, 1), (0, 120))),  # instrument, thousandths of the base price from 0.94 on
    "work": (34, ((0, 9),)),  # which of the waiting tasks
    "sweep": (4, ()),
    "reconcile": (7, ()),
    "due": (3, ()),
    "look": (3, ()),
    "hear": (8, ((0, 9), (0, 3))),  # which message of the venue's stream, and whether it comes again
    "ask_back": (6, ()),  # cancels are sent to the venue
}
# What is done on margin in a third of the seeds, beside all the rest.
_ON_MARGIN: dict[str, _Kind] = {
    "turn": (12, ((0, 2), (0, 1), (1, 9_000))),  # book, side, lots
    "leverage": (5, ((0, 2), (0, 3))),  # book, which
    "close": (2, ((0, 2),)),
    "jump": (6, ((0, 9),)),  # where to
    "funding": (3, ((-300, 300),)),  # rate in basis points
}
MARGIN_LENGTH = 18
# By thirteens, so that the other seeds stay what they were: of those the tests know which mistake each finds.
_SEEDS_ON_MARGIN = (3, 5, 8, 10)
# Where a process may die or stand still: the failpoints of the services, and what surrounds a commit.
BOUNDARIES = (
    *("committed", "handed over", "claimed", "sent", "booked", "copied", "asked"),
    *("cancel-claimed", "cancel-sent"),
)
_BOUNDARY = ((0, len(BOUNDARIES) - 1), (0, 2))  # which, and how often it is passed before
_INSIDE = ((BOUNDARIES.index("claimed"), len(BOUNDARIES) - 1), (0, 1))
# Each seed has some of these and not the others: faults hide each other.
_FAULTS: dict[str, _Kind] = {
    "crash": (6, _BOUNDARY),
    "stall": (4, (*_BOUNDARY, (1, 8))),  # and how many of the next moves happen meanwhile
    "sleep": (5, (*_INSIDE, (20, 140))),  # and for how many seconds the site goes on without it
    "restart": (2, ()),
    "lose": (3, ((0, 2),)),  # how many tasks pass before the one that is lost
    "double": (3, ((0, 2),)),
    "outage": (2, ((1, 90),)),  # seconds
    "skew": (1, ((-600, 600),)),  # seconds by which the venue's clock is wrong
    "deaf": (3, ((1, 3),)),  # how many messages of the stream never come
    "question_lost": (3, ()),
    # What befalls the next order that is sent.
    "never_arrives": (5, ()),
    "arrives_late": (5, ((1, 49),)),  # tenths of a second
    "answer_lost": (5, ()),
    "hidden": (5, ((1, 98),)),  # tenths of a second for which it is "not found" though it lives
    "rejects": (4, ()),
    # 1: a rejection; seconds; tenths of the order sent after it that fill at once (0: it meets no fault)
    "answers_slowly": (4, ((0, 1), (5, 140), (0, 9))),
    "fills_in_parts": (5, ((1, 9), (1, 60))),  # tenths that fill at once, seconds until the rest does
    "fills_a_part": (5, ((0, 9), (0, 60))),  # tenths that fill before the rest lapses, seconds until they are told
    "fills_told_late": (4, ((1, 60),)),  # seconds
    # What befalls the next cancel that is sent.
    "cancel_lost": (4, ()),
    "cancel_unanswered": (4, ()),
    "cancel_late": (4, ((1, 49),)),  # tenths of a second
    "cancel_races": (8, ((1, 10),)),  # tenths of the order that fill before the cancel is looked at
}
FAULTS = tuple(_FAULTS)


def draw(seed: int, length: int = LENGTH) -> Plan:
    """Return the plan of a seed."""
    chance = seeded_random("simulation", seed)
    chosen = {name: kind for name, kind in _FAULTS.items() if chance.random() < 0.45}
    waiting = _WAITING if chance.random() < 0.5 else {}
    kinds = {**_PEOPLE, **waiting, **_WORLD, **chosen}
    names, weights = list(kinds), [weight for weight, _ in kinds.values()]
    plan = [_move(name, kinds[name][1], chance) for name in chance.choices(names, weights, k=length)]
    is_on_margin = seed % 13 in _SEEDS_ON_MARGIN
    return tuple(_with_margin(plan, seeded_random("simulation-on-margin", seed)) if is_on_margin else plan)


def _with_margin(plan: list[Move], chance: Random) -> list[Move]:
    """Add what is done on margin, at places drawn by a chance of its own."""
    weights = [weight for weight, _ in _ON_MARGIN.values()]
    for name in chance.choices(list(_ON_MARGIN), weights, k=MARGIN_LENGTH):
        plan.insert(chance.randint(0, len(plan)), _move(name, _ON_MARGIN[name][1], chance))
    return plan


def _move(name: str, ranges: Sequence[tuple[int, int]], chance: Random) -> Move:
    return Move(name, tuple(chance.randint(first, last) for first, last in ranges))


def parse(script: str) -> Plan:
    """Return the plan that a script of moves, one a line, stands for; what follows a "#" is for readers."""
    lines = (line.partition("#")[0].split() for line in script.splitlines())
    return tuple(Move(line[0], tuple(map(int, line[1:]))) for line in lines if line)
