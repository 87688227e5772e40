"""The scanning process: it works while somebody watches, tells pages what it finds, and goes on after a fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from common import clock
from common.bus import Subscription, bus
from common.errors import NotFound
from common.lease import lease
from common.realtime import keep_heard, snapshot
from markets.models import Interest
from markets.scanning import running
from markets.scanning.opportunities import SpreadScanner
from markets.scanning.results import Scanner, is_stale, latest_found, want, wanted_scanners
from markets.scanning.running import Scanning, run_scanners
from tests.fixtures_desk import NOON
from tests.markets.scanning.venues import Venues

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listening(transactional_db: None) -> Iterator[Subscription]:
    with bus().listen("live") as subscription:
        yield subscription


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look be due."""
    monkeypatch.setattr(running, "BOOK_SECONDS", 0.0)
    monkeypatch.setattr(running, "CANDLE_SECONDS", 0.0)


def _spread(venues: Venues) -> Callable[[str], None]:
    """Have two venues between which buying at 100 and selling at a bid may pay."""
    one, two = (venues.lists(venues.exchange(code), "BTC") for code in ("one", "two"))

    def quote(bid: str) -> None:
        venues.quote(one, [("99", "5")], [("100", "1")])
        venues.quote(two, [(bid, "2")], [("120", "5")])

    return quote


def _heard(subscription: Subscription) -> list[tuple[str, Any]]:
    received = subscription.get(0.0)
    return [(topic, payload) for topic, payload in received[1]] if received else []


def test_nothing_runs_while_nobody_watches(venues: Venues, listening: Subscription, at_once: None) -> None:
    _spread(venues)("110")
    assert not Scanning().look()
    assert latest_found(Scanner.SPREADS) is None
    assert not Interest.objects.exists()
    assert _heard(listening) == []


def test_whoever_hears_a_topic_has_its_scanner_run_for_a_minute(venues: Venues) -> None:
    assert snapshot(None, "scanner:spreads") == {"rows": [], "cells": {}}
    assert wanted_scanners() == {Scanner.SPREADS}
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=61))
    assert wanted_scanners() == set()
    keep_heard(["scanner:movers", "scanner:triangles"])
    assert wanted_scanners() == {Scanner.MOVERS, Scanner.TRIANGLES}
    for name in ("SPREADS", "nothing", "spreads:1"):
        with pytest.raises(NotFound):
            snapshot(None, f"scanner:{name}")


def test_what_is_found_is_kept_and_told_with_words_for_each_cell(
    venues: Venues, listening: Subscription, at_once: None
) -> None:
    quote, scanning = _spread(venues), Scanning()
    want(["spreads"])
    quote("110")
    assert scanning.look()
    [(topic, payload)] = _heard(listening)
    found = latest_found(Scanner.SPREADS)
    assert found is not None
    assert (topic, payload["rows"], payload["refresh"]) == ("scanner:spreads", found["rows"], ["rows"])
    [row] = found["rows"]
    shown = {name: payload["cells"][f"{row['key']}.{name}"] for name in ("bps", "size", "age", "decay")}
    assert shown == {"bps": "+978.0", "size": "100.1", "age": "for 0.0 s", "decay": "at its best"}
    assert snapshot(None, "scanner:spreads") == {"rows": found["rows"], "cells": payload["cells"]}
    assert not is_stale(found)
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=16))
    assert is_stale(found)


def test_pages_fetch_their_rows_again_when_others_are_found(
    venues: Venues, listening: Subscription, at_once: None
) -> None:
    quote, scanning = _spread(venues), Scanning()
    want(["spreads"])
    refreshed = []
    for bid in ("100", "100", "110", "109", "100"):
        quote(bid)
        scanning.look()
        refreshed.append("refresh" in _heard(listening)[0][1])
    assert refreshed == [True, False, True, False, True]


def test_who_is_no_longer_wanted_forgets(venues: Venues, at_once: None) -> None:
    quote, scanning = _spread(venues), Scanning()
    want(["spreads", "triangles", "movers"])
    quote("110")
    scanning.look()
    assert set(scanning._turns) == set(Scanner)
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=61))
    assert not scanning.look()
    assert scanning._turns == {}


def test_a_thread_scans_goes_on_after_a_fault_and_ends(
    venues: Venues, at_once: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "BOOK_SECONDS", 0.01)
    monkeypatch.setattr(running, "_RETRY_SECONDS", 0.01)
    broken, real = [True], SpreadScanner.scan

    def breaks_once(self: SpreadScanner) -> Any:
        if broken:
            broken.pop()
            raise OSError("away")
        return real(self)

    monkeypatch.setattr(SpreadScanner, "scan", breaks_once)
    _spread(venues)("110")
    want(["spreads"])
    other, stop = lease("scanners", 10.0), threading.Event()
    assert other.hold()
    thread = threading.Thread(target=run_scanners, args=(stop,))
    thread.start()
    try:
        clock.sleep(0.1)
        assert latest_found(Scanner.SPREADS) is None  # another process scans
        other.release()
        deadline = clock.monotonic() + 20
        while latest_found(Scanner.SPREADS) is None and clock.monotonic() < deadline:
            clock.sleep(0.01)
    finally:
        stop.set()
        thread.join(10)
    found = latest_found(Scanner.SPREADS)
    assert found is not None and len(found["rows"]) == 1
    assert caplog.text.count("The scanners broke off") == 1
    assert other.hold()  # it let go
    other.release()
