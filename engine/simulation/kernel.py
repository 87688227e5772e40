"""The simulation's loop: from one candle that matters to the next, over any number of instruments and one account.

An instrument wakes on the candle after its next signal, or on every candle while its order or trade has to be watched.
On one moment all entries come before all exits, so no entry spends money or a place that an exit frees later.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.simulation.compiled import SOURCE_VERSION, Record, byte_at, float_at, int_at, kernel, part
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
)
from engine.simulation.types import Refusal

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
def _pay_funding(feed: Record, book: Record, account: Record, bar: Bar) -> None:
    """Pay what fell due since the candle before, on the position's value at this open."""
    while book.funding < feed.n_funding and int_at(feed.funding_at, book.funding) <= bar.at:
        paid = book.side * (book.quantity * bar.open * float_at(feed.funding_rate, book.funding))
        book.paid_funding += paid
        account.cash -= paid
        book.funding += 1


@part
def _begin(setup: Record, feeds: Any, books: Any, instrument: int, account: Record, trades: Any, refusals: Any) -> None:
    """Do steps a to c of rule 3: review unfilled orders, place an entry, fill it at the candle's first price."""
    feed, book = feeds[instrument], books[instrument]
    index = book.wake_bar
    flags = _signals_before(feed, index)
    priced = has_price(feed, index)
    bar = _first_bar(setup, feed, index)
    book.idle = not priced
    if not priced:
        if book.phase == OPEN and wants_out(setup, book, flags):
            book.exit_waits = True
    elif book.phase == OPEN:
        _pay_funding(feed, book, account, bar)
        if setup.exit_timeout_ms >= 0 and book.exit_reason and book.exit_ordered_at < bar.at - setup.exit_timeout_ms:
            book.exit_reason = 0
    elif book.phase == ORDERED:
        review_entry(setup, feed, book, account, bar, index, instrument, refusals)
    if flags & ENTRIES:
        consider_entry(setup, feeds, books, instrument, account, bar, index, flags, priced, refusals)
    if priced and book.phase == ORDERED:
        fill_entry(setup, feed, book, account, bar, index, instrument, trades)


@part
def _exit_on(
    setup: Record, feed: Record, book: Record, account: Record, trades: Any, bar: Bar, index: int, flags: int,
    opening: bool, roi_minutes: Any, roi_ratios: Any,
) -> None:  # fmt: skip
    if look_for_exit(setup, feed, book, bar, index if opening else -1, flags, roi_minutes, roi_ratios):
        close_trade(setup, feed, book, account, trades, bar, index)


@part
def _walk(
    setup: Record, feed: Record, book: Record, account: Record, trades: Any, index: int, instrument: int,
    roi_minutes: Any, roi_ratios: Any,
) -> None:  # fmt: skip
    """Do steps d and e on a candle, or on each of its finer ones, which an entry may still fill on."""
    flags = _signals_before(feed, index)
    start, stop = _fine_range(feed, index)
    if start == stop:
        if book.phase == OPEN:
            bar = read_bar(setup, feed, index)
            _exit_on(setup, feed, book, account, trades, bar, index, flags, True, roi_minutes, roi_ratios)
        return
    for fine in range(start, stop):
        bar = read_fine(setup, feed, fine)
        if book.phase == ORDERED and fine > start:
            fill_entry(setup, feed, book, account, bar, index, instrument, trades)
        if book.phase == OPEN:
            _exit_on(setup, feed, book, account, trades, bar, index, flags, fine == start, roi_minutes, roi_ratios)
        if book.phase == FLAT:
            return


@part
def _finish(
    setup: Record, feed: Record, book: Record, account: Record, trades: Any, refusals: Any, instrument: int,
    roi_minutes: Any, roi_ratios: Any,
) -> int:  # fmt: skip
    """Look for exits on this candle, end everything on the last one; return when to wake next."""
    index = book.wake_bar
    if book.phase != FLAT and not book.idle:
        _walk(setup, feed, book, account, trades, index, instrument, roi_minutes, roi_ratios)
    if index < feed.last:
        return _sleep(setup, feed, book)
    if book.phase == OPEN:
        force_out(setup, feed, book, account, trades, _first_bar(setup, feed, index), index)
    elif book.phase == ORDERED:
        withdraw(account, refusals, instrument, book)
    _lose_signals(feed, book, account, refusals, instrument)
    return NEVER


@part
def _lose_signals(feed: Record, book: Record, account: Record, refusals: Any, instrument: int) -> None:
    """Refuse the entry signals on the last candle and after it (rule 1)."""
    for place in range(book.event, feed.n_events):
        index = int_at(feed.events, place)
        flags = byte_at(feed.flags, index)
        if index < feed.last or not flags & ENTRIES:
            continue
        for is_short in (False, True):
            if flags & (ENTER_SHORT if is_short else ENTER_LONG):
                reason = _OPPOSITE if contradicted(flags, is_short) else _LAST
                refuse(account, refusals, instrument, index, is_short, reason)


@part
def _is_watched(setup: Record, feed: Record, book: Record) -> bool:
    if book.phase == ORDERED:
        return True
    if setup.watch or book.exit_reason != 0 or book.exit_waits or feed.n_funding > 0:
        return True
    return bool(book.side < 0.0 or setup.leverage > 1.0)


@part
def _next_event(feed: Record, book: Record, wanted: int) -> int:
    """Return the first candle from wake_bar on that carries one of the wanted signals; -1 if none does."""
    while book.event < feed.n_events:
        index = int_at(feed.events, book.event)
        if index >= book.wake_bar and byte_at(feed.flags, index) & wanted:
            return index
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
    return int_at(feed.opened_at, book.wake_bar)


@part
def _start(setup: Record, feeds: Any, books: Any, wakes: Any) -> None:
    for instrument in range(len(books)):
        book = books[instrument]
        book.wake_bar = 0
        signal = _next_event(feeds[instrument], book, ENTRIES)
        wakes[instrument] = NEVER
        if signal >= 0:
            book.wake_bar = min(signal + 1, feeds[instrument].last)
            wakes[instrument] = int_at(feeds[instrument].opened_at, book.wake_bar)


def _versioned(version: int) -> Any:
    @kernel
    def run(
        setups: Any, roi_minutes: Any, roi_ratios: Any, feeds: Any, books: Any, wakes: Any, accounts: Any,
        marks: Any, equity: Any, trades: Any, refusals: Any,
    ) -> None:  # fmt: skip
        """Simulate; fill `equity` (one per entry of `marks`), `trades` and `refusals`, whose counts are in the account."""
        setup, account = setups[0], accounts[0]
        account.version = version
        _start(setup, feeds, books, wakes)
        marked = 0
        while True:
            now = wakes[0]
            for instrument in range(1, wakes.size):
                now = min(now, wakes[instrument])
            while marked < marks.size and marks[marked] <= now:
                equity[marked] = equity_at(feeds, books, account, marks[marked])
                marked += 1
            if now == NEVER:
                return
            for instrument in range(wakes.size):
                if wakes[instrument] == now:
                    _begin(setup, feeds, books, instrument, account, trades, refusals)
            for instrument in range(wakes.size):
                if wakes[instrument] == now:
                    wakes[instrument] = _finish(
                        setup, feeds[instrument], books[instrument], account, trades, refusals, instrument,
                        roi_minutes, roi_ratios,
                    )  # fmt: skip

    return run


run = _versioned(SOURCE_VERSION)
