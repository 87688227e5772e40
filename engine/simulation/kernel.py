"""The simulation's loop: from one candle that matters to the next, over any number of instruments and one account.

An instrument wakes on the candle after its next signal, or on every candle while its order or trade has to be watched.
On one moment all entries come before all exits, so no entry spends money or a place that an exit frees later.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.simulation.compiled import SOURCE_VERSION, Record, byte_at, fetch, float_at, int_at, kernel, part
from engine.simulation.entries import (
    consider_entry,
    contradicted,
    equity_at,
    fill_entry,
    refuse,
    review_entry,
    withdraw,
)
from engine.simulation.exits import close_trade, force_out, look_for_exit, wants_out
from engine.simulation.prices import has_price, read_bar, read_fine
from engine.simulation.records import (
    ENTER_LONG,
    ENTER_SHORT,
    ENTRIES,
    EXIT_LONG,
    EXIT_SHORT,
    FLAT,
    NEVER,
    OPEN,
    ORDERED,
    Bar,
    book_at,
    feed_at,
)
from engine.simulation.types import Refusal

# Far enough ahead for memory to answer, near enough to still be there.
_FETCH_AHEAD = 4
_LAST = int(Refusal.LAST_CANDLE)
_OPPOSITE = int(Refusal.OPPOSITE_SIGNALS)


@kernel
def pack_signals(
    enter_long: Any, exit_long: Any, enter_short: Any, exit_short: Any, flags: Any, events: Any, first: int
) -> tuple[int, int]:
    """Write each candle's signals as bits to `flags`, and to `events` which candles from `first` on have any.

    Return how many events there are and how many entry signals.
    """
    size = flags.size
    for i in range(size):
        flags[i] = enter_long[i] | exit_long[i] << 1 | enter_short[i] << 2 | exit_short[i] << 3
    flags[:first] = 0
    count = entries = 0
    words = flags[: size // 8 * 8].view(np.uint64)
    for word in range(words.size):
        if words[word] != 0:
            for i in range(8 * word, 8 * word + 8):
                events[count] = i
                count += flags[i] != 0
                entries += (flags[i] & ENTER_LONG) + ((flags[i] & ENTER_SHORT) >> 2)
    for i in range(8 * words.size, size):
        events[count] = i
        count += flags[i] != 0
        entries += (flags[i] & ENTER_LONG) + ((flags[i] & ENTER_SHORT) >> 2)
    return count, entries


@part
def _fine_range(feed: Record, index: int) -> tuple[int, int]:
    if feed.fine_from == 0:
        return 0, 0
    return int_at(feed.fine_from, index), int_at(feed.fine_from, index + 1)


@part
def _first_bar(setup: Record, feed: Record, index: int) -> Bar:
    """Return the first finer candle of a candle, or the candle itself where there are none."""
    start, stop = _fine_range(feed, index)
    return read_fine(setup, feed, start) if start < stop else read_bar(setup, feed, index)


@part
def _signals_before(feed: Record, index: int) -> int:
    return byte_at(feed.flags, index - 1) if index > 0 else 0


@part
def _pay_funding(account: Record, feed: Record, book: Record, bar: Bar) -> None:
    """Pay what fell due since the candle before, on the position's value at this open."""
    while book.funding < feed.n_funding and int_at(feed.funding_at, book.funding) <= bar.at:
        paid = book.side * (book.quantity * bar.open * float_at(feed.funding_rate, book.funding))
        book.paid_funding += paid
        account.cash -= paid
        book.funding += 1


@part
def _begin(setup: Record, account: Record, feed: Record, book: Record) -> None:
    """Do steps a to c of rule 3: review unfilled orders, place an entry, fill it at the candle's first price."""
    index = book.wake_bar
    flags = _signals_before(feed, index)
    priced = has_price(feed, index)
    bar = _first_bar(setup, feed, index)
    book.idle = not priced
    if not priced:
        if book.phase == OPEN and wants_out(setup, book, flags):
            book.exit_waits = True
    elif book.phase == OPEN:
        _pay_funding(account, feed, book, bar)
        if setup.exit_timeout_ms >= 0 and book.exit_reason and book.exit_ordered_at < bar.at - setup.exit_timeout_ms:
            book.exit_reason = 0
    elif book.phase == ORDERED:
        review_entry(setup, account, feed, book, bar, index)
    if flags & ENTRIES:
        consider_entry(setup, account, feed, book, bar, index, flags, priced)
    if priced and book.phase == ORDERED:
        fill_entry(setup, account, feed, book, bar, index)


@part
def _walk(setup: Record, account: Record, feed: Record, book: Record) -> None:
    """Do steps d and e on a candle, or on each of its finer ones, which an entry may still fill on."""
    index = book.wake_bar
    flags = _signals_before(feed, index)
    start, stop = _fine_range(feed, index)
    if start == stop:
        if book.phase == OPEN:
            bar = read_bar(setup, feed, index)
            if look_for_exit(setup, feed, book, bar, index, flags):
                close_trade(setup, account, feed, book, bar, index)
        return
    for fine in range(start, stop):
        bar = read_fine(setup, feed, fine)
        if book.phase == ORDERED and fine > start:
            fill_entry(setup, account, feed, book, bar, index)
        opening = index if fine == start else -1
        if book.phase == OPEN and look_for_exit(setup, feed, book, bar, opening, flags):
            close_trade(setup, account, feed, book, bar, index)
        if book.phase == FLAT:
            return


@part
def _finish(setup: Record, account: Record, feed: Record, book: Record) -> int:
    """Look for exits on this candle, end everything on the last one; return when to wake next."""
    index = book.wake_bar
    if book.phase != FLAT and not book.idle:
        _walk(setup, account, feed, book)
    if index < feed.last:
        return _sleep(setup, feed, book)
    if book.phase == OPEN:
        force_out(setup, account, feed, book, _first_bar(setup, feed, index), index)
    elif book.phase == ORDERED:
        withdraw(account, feed, book)
    _lose_signals(account, feed, book)
    return NEVER


@part
def _lose_signals(account: Record, feed: Record, book: Record) -> None:
    """Refuse the entry signals on the last candle and after it (rule 1)."""
    for place in range(book.event, feed.n_events):
        index = int_at(feed.events, place)
        flags = byte_at(feed.flags, index)
        if index < feed.last or not flags & ENTRIES:
            continue
        for is_short in (False, True):
            if flags & (ENTER_SHORT if is_short else ENTER_LONG):
                refuse(account, feed, index, is_short, _OPPOSITE if contradicted(flags, is_short) else _LAST)


@part
def _is_watched(setup: Record, feed: Record, book: Record) -> bool:
    if book.phase == ORDERED:
        return True
    if setup.watch or book.exit_reason != 0 or book.exit_waits or feed.n_funding > 0:
        return True
    return bool(book.side < 0.0 or setup.leverage > 1.0)


@part
def _fetch_later(feed: Record, book: Record) -> None:
    """Bring the candle that the event after the next few will need near."""
    place = book.event + _FETCH_AHEAD
    if place < feed.n_events:
        index = min(int_at(feed.events, place) + 1, feed.last)
        fetch(feed.opened_at, index)
        fetch(feed.open, index)
        fetch(feed.high, index)
        fetch(feed.low, index)
        fetch(feed.close, index)


@part
def _next_event(feed: Record, book: Record, wanted: int) -> int:
    """Return the first candle from wake_bar on that carries one of the wanted signals; -1 if none does."""
    while book.event < feed.n_events:
        index = int_at(feed.events, book.event)
        if index >= book.wake_bar and byte_at(feed.flags, index) & wanted:
            _fetch_later(feed, book)
            return int(index)
        book.event += 1
    return -1


@part
def _sleep(setup: Record, feed: Record, book: Record) -> int:
    """Set the candle on which the instrument has to be looked at again, and return its time."""
    following = book.wake_bar + 1
    if book.phase == FLAT or not _is_watched(setup, feed, book):
        leave = 0 if book.phase == FLAT else (EXIT_LONG if book.side > 0.0 else EXIT_SHORT)
        signal = _next_event(feed, book, ENTRIES | leave)
        if signal < 0 and book.phase == FLAT:
            return NEVER
        time_stop = feed.last
        if book.phase == OPEN and setup.time_stop > 0:
            time_stop = max(book.open_bar + setup.time_stop, following)
        following = min(feed.last if signal < 0 else signal + 1, time_stop)
    book.wake_bar = min(following, feed.last)
    return int(int_at(feed.opened_at, book.wake_bar))


@part
def _first_wake(feed: Record, book: Record) -> int:
    """Return the time of the candle after the first entry signal."""
    signal = _next_event(feed, book, ENTRIES)
    if signal < 0:
        return NEVER
    book.wake_bar = min(signal + 1, feed.last)
    return int(int_at(feed.opened_at, book.wake_bar))


@part
def _wake(setup: Record, account: Record, wakes: Any, now: int) -> int:
    """Do one moment: all entries, then all exits; return the next moment."""
    for i in range(account.instruments):
        if wakes[i] == now:
            _begin(setup, account, feed_at(account.feeds, i), book_at(account.books, i))
    following = NEVER
    for i in range(account.instruments):
        if wakes[i] == now:
            wakes[i] = _finish(setup, account, feed_at(account.feeds, i), book_at(account.books, i))
        following = min(following, wakes[i])
    return following


def _versioned(version: int) -> Any:
    @kernel
    def run(setups: Any, accounts: Any, wakes: Any, marks: Any, equity: Any) -> None:
        """Simulate: fill `equity` (one per entry of `marks`), and trades and refusals where the account says."""
        setup, account = setups[0], accounts[0]
        account.version = version
        now = NEVER
        for i in range(account.instruments):
            wakes[i] = _first_wake(feed_at(account.feeds, i), book_at(account.books, i))
            now = min(now, wakes[i])
        for mark in range(marks.size):
            while now < marks[mark]:
                now = _wake(setup, account, wakes, now)
            equity[mark] = equity_at(account, marks[mark])

    return run


run = _versioned(SOURCE_VERSION)
