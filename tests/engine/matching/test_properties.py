"""What must hold for any orders on any prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.matching.book import InstrumentBook
from engine.matching.rules import crosses
from engine.matching.types import Depth, Event, EventKind, Kind, Terms, TimeInForce

START = 100
prices = st.integers(85, 115)
walks = st.lists(prices, max_size=25)
sides = st.sampled_from([1, -1])
lots = st.integers(1, 9)
ENDS = {EventKind.CANCELED, EventKind.EXPIRED, EventKind.REJECTED}


@st.composite
def depths(draw: st.DrawFn) -> Depth | None:
    """Draw a market's depth, or none."""
    if draw(st.booleans()):
        return None
    levels = st.lists(st.tuples(prices, lots), max_size=4)
    return Depth(tuple(sorted(draw(levels), reverse=True)), tuple(sorted(draw(levels))))


@st.composite
def orders(draw: st.DrawFn) -> list[Terms]:
    """Draw up to twelve orders of all kinds, some of them in groups and some the children of others."""
    made: list[Terms] = []
    for number in range(draw(st.integers(1, 12))):
        kind, sign, size = draw(st.sampled_from(Kind)), draw(sides), draw(lots)
        has_limit = kind in (Kind.LIMIT, Kind.STOP_LIMIT, Kind.TAKE_PROFIT_LIMIT)
        has_trigger = kind not in (Kind.MARKET, Kind.LIMIT, Kind.TRAILING_STOP)
        trails, by_share, width = kind is Kind.TRAILING_STOP, draw(st.booleans()), draw(lots)
        parent: int | None = draw(st.sampled_from([None, None, *range(number)]))
        group = draw(st.sampled_from([None, None, "x"]))
        made.append(
            Terms(
                key=number,
                sign=sign,
                kind=kind,
                lots=5 if group else size,
                limit=draw(prices) if has_limit else None,
                trigger=draw(prices) if has_trigger else None,
                activation=draw(st.none() | prices) if kind is Kind.TRAILING_STOP else None,
                time_in_force=draw(
                    st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
                ),
                display=draw(st.none() | st.integers(1, size)) if has_limit else None,
                is_reduce_only=draw(st.booleans()),
                is_post_only=draw(st.booleans()),
                group=group,
                parent=parent,
                trail=width if trails and not by_share else None,
                trail_share=width * 10**8 if trails and by_share else None,
            )
        )
    return made


def played(
    placed: Sequence[Terms], moves: Sequence[int], depth: Depth | None, is_jump: bool, held: int = 0
) -> tuple[InstrumentBook, list[Event]]:
    book = InstrumentBook(START)
    book.positions[None] = held
    events = book.place(placed, depth=depth)
    for price in moves:
        events += book.move(price, is_jump=is_jump, depth=depth)
    return book, events


@settings(max_examples=50)
@given(placed=orders(), moves=walks, depth=depths(), is_jump=st.booleans(), held=st.integers(-6, 6))
def test_whatever_happens_an_order_keeps_its_word(
    placed: list[Terms], moves: list[int], depth: Depth | None, is_jump: bool, held: int
) -> None:
    book, events = played(placed, moves, depth, is_jump, held)
    terms = {one.key: one for one in placed}
    filled: Counter[object] = Counter()
    position, ended = held, set[object]()
    for event in events:
        one = terms[event.key]
        assert event.key not in ended, "nothing happens to an order that has ended"
        if event.kind is EventKind.FILLED:
            assert event.price is not None
            assert event.lots is not None
            assert event.lots > 0
            filled[event.key] += event.lots
            if one.limit is not None:
                assert crosses(one.sign, one.limit, event.price), "a limit order never fills worse than its limit"
            if one.is_reduce_only:
                assert position * one.sign < 0
                assert event.lots <= abs(position), "what may only reduce neither opens nor turns round"
            position += one.sign * event.lots
            if filled[event.key] == one.lots:
                ended.add(event.key)
        elif event.kind in ENDS:
            ended.add(event.key)
    assert position == book.positions[None]
    for key, size in filled.items():
        assert size <= terms[key].lots
        parent = terms[key].parent
        assert parent is None or size <= filled[parent], "an exit never sells more than its entry bought"
    assert sum(size for key, size in filled.items() if terms[key].group is not None) <= 5, (
        "a group fills one quantity, once"
    )
    for key in book:
        state = book.state(key)
        assert state is not None
        assert state.filled == filled[key]
        assert key not in ended
    assert set(terms) - set(book) == {key for key in terms if key in ended}


@settings(max_examples=50)
@given(sign=sides, limit=prices, size=lots, depth=depths(), kind=st.sampled_from([Kind.MARKET, Kind.LIMIT]))
def test_all_or_nothing_is_all_or_nothing(sign: int, limit: int, size: int, depth: Depth | None, kind: Kind) -> None:
    placed = Terms("a", sign, kind, size, limit if kind is Kind.LIMIT else None, time_in_force=TimeInForce.FOK)
    book, events = played([placed], [], depth, True)
    assert sum(event.lots or 0 for event in events) in (0, size)
    assert len(book) == 0


@settings(max_examples=50)
@given(placed=orders(), moves=walks, is_jump=st.booleans())
def test_a_price_that_is_told_twice_changes_nothing(placed: list[Terms], moves: list[int], is_jump: bool) -> None:
    whole = [terms for terms in placed if terms.display is None]
    placed = [terms for terms in whole if terms.parent in {None, *(one.key for one in whole)}]
    twice = [price for price in moves for _ in range(2)]
    assert played(placed, moves, None, is_jump)[1] == played(placed, twice, None, is_jump)[1]


@settings(max_examples=50)
@given(placed=orders(), moves=walks)
def test_a_move_told_in_steps_is_the_same_move(placed: list[Terms], moves: list[int]) -> None:
    """Stop-limits aside: whether the market is still within their limit is judged where a step ends."""
    steady = {Kind.MARKET, Kind.LIMIT, Kind.STOP, Kind.TAKE_PROFIT, Kind.TRAILING_STOP}
    placed = [one for one in placed if one.kind in steady and one.parent is None and one.display is None]
    # A trail that begins on the way begins at the step's end.
    placed = [one for one in placed if one.activation is None]
    steps, at = [], START
    for price in moves:
        towards = 1 if price >= at else -1
        steps += [*range(at + towards, price, towards), price]
        at = price
    assert played(placed, moves, None, False)[1] == played(placed, steps, None, False)[1]


@settings(max_examples=50)
@given(placed=orders(), moves=walks, cut=st.integers(0, 25), depth=depths())
def test_a_book_that_is_put_back_goes_on_as_the_old_one_would(
    placed: list[Terms], moves: list[int], cut: int, depth: Depth | None
) -> None:
    old, _ = played(placed, moves[:cut], depth, True)
    new = InstrumentBook(old.last)
    new.positions |= old.positions
    states = [old.state(key) for key in old]
    for state in sorted((state for state in states if state), key=lambda state: state.place):
        new.restore(state)
    after: dict[int, list[list[Event]]] = defaultdict(list)
    for number, price in enumerate(moves[cut:]):
        for book in (old, new):
            after[number].append(book.move(price, depth=depth))
    assert all(first == second for first, second in after.values())
