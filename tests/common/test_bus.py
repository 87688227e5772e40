"""The bus: messages by channel reach whoever listens, boards hold the newest values; in memory and over Redis alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.conf import settings

from common import bus as bus_module
from common.bus import Bus, MemoryBus, RedisBus
from tests.common.conftest import IN_PROCESS

SOON = 5.0


@pytest.fixture
def bus(way: str) -> Iterator[Bus]:
    if way == IN_PROCESS:
        yield MemoryBus()
        return
    made = RedisBus(settings.REDIS_URL, f"{settings.REDIS_PREFIX}bus-test:")
    yield made
    for key in made.client.scan_iter(f"{settings.REDIS_PREFIX}bus-test:*"):
        made.client.delete(key)
    made.client.close()


def test_a_listener_hears_the_messages_of_its_channels_in_order_and_unchanged(bus: Bus) -> None:
    with bus.listen("ticks:sim", "live") as subscription:
        bus.publish("ticks:sim", {"at": "2026-03-02T12:00:00+00:00", "prices": {"a": "0.10"}})
        bus.publish("elsewhere", "not for us")
        bus.publish("live", [["prices:sim", {"cells": {"é.price": "1"}}]])
        assert subscription.get(SOON) == ("ticks:sim", {"at": "2026-03-02T12:00:00+00:00", "prices": {"a": "0.10"}})
        assert subscription.get(SOON) == ("live", [["prices:sim", {"cells": {"é.price": "1"}}]])
        assert subscription.get(0.05) is None


def test_every_listener_of_a_channel_hears_each_message(bus: Bus) -> None:
    with bus.listen("live") as first, bus.listen("live") as second:
        bus.publish("live", 1)
        assert (first.get(SOON), second.get(SOON)) == (("live", 1), ("live", 1))


def test_a_message_before_listening_is_not_heard_one_right_after_it_is(bus: Bus) -> None:
    bus.publish("live", "early")
    for number in range(20):
        with bus.listen("live") as subscription:
            bus.publish("live", number)
            assert subscription.get(SOON) == ("live", number)


def test_a_closed_listener_takes_nothing_from_the_others(bus: Bus) -> None:
    with bus.listen("live") as stays:
        with bus.listen("live"):
            pass
        bus.publish("live", "still here")
        assert stays.get(SOON) == ("live", "still here")


def test_asking_without_patience_returns_at_once(bus: Bus) -> None:
    with bus.listen("live") as subscription:
        assert subscription.get(0) is None


def test_messages_of_many_threads_all_arrive_each_threads_in_order(bus: Bus) -> None:
    def publish(name: int) -> None:
        for number in range(200):
            bus.publish("live", [name, number])

    with bus.listen("live") as subscription:
        threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        heard = [subscription.get(SOON) for _ in range(800)]
        for thread in threads:
            thread.join()
        assert subscription.get(0.05) is None
    numbers: dict[int, list[int]] = {name: [] for name in range(4)}
    for received in heard:
        assert received is not None
        numbers[received[1][0]].append(received[1][1])
    assert numbers == {name: list(range(200)) for name in range(4)}


def test_a_board_keeps_the_newest_value_of_each_key(bus: Bus) -> None:
    bus.board_put("prices:sim", {"a": "1|t0", "b": "2|t0"})
    bus.board_put("prices:sim", {"a": "1.5|t1"})
    bus.board_put("prices:sim", {})
    assert bus.board_get("prices:sim") == {"a": "1.5|t1", "b": "2|t0"}
    assert bus.board_get("prices:sim", ["a", "missing"]) == {"a": "1.5|t1"}
    assert bus.board_get("prices:sim", []) == {}


def test_boards_are_apart_and_a_dropped_one_is_empty(bus: Bus) -> None:
    bus.board_put("prices:sim", {"a": "1"})
    bus.board_put("prices:replay", {"a": "2"})
    bus.board_drop("prices:sim")
    bus.board_drop("never there")
    assert bus.board_get("prices:sim") == {}
    assert bus.board_get("prices:sim", ["a"]) == {}
    assert bus.board_get("prices:replay") == {"a": "2"}


def test_whoever_hears_an_announcement_finds_it_on_the_boards(bus: Bus) -> None:
    with bus.listen("ticks:sim") as subscription:
        bus.announce({"prices:sim": {"a": "1"}, "clocks": {"sim": "t1"}, "empty": {}}, "ticks:sim", {"at": "t1"})
        assert subscription.get(SOON) == ("ticks:sim", {"at": "t1"})
        assert bus.board_get("prices:sim") == {"a": "1"}
        assert bus.board_get("clocks", ["sim"]) == {"sim": "t1"}


def test_what_a_board_gives_is_the_callers_own(bus: Bus) -> None:
    bus.board_put("prices:sim", {"a": "1"})
    bus.board_get("prices:sim")["a"] = "9"
    assert bus.board_get("prices:sim") == {"a": "1"}


def test_a_listener_that_does_not_keep_up_loses_the_oldest_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "QUEUE_LIMIT", 3)
    bus = MemoryBus()
    with bus.listen("live") as subscription:
        for number in range(5):
            bus.publish("live", number)
        assert [subscription.get(0) for _ in range(4)] == [("live", 2), ("live", 3), ("live", 4), None]


@pytest.mark.services
def test_prefixes_keep_two_sites_on_one_redis_apart() -> None:
    ours, theirs = (RedisBus(settings.REDIS_URL, f"{settings.REDIS_PREFIX}{name}:") for name in ("ours", "theirs"))
    with ours.listen("live") as subscription:
        theirs.publish("live", "theirs")
        theirs.board_put("prices:sim", {"a": "1"})
        assert subscription.get(0.1) is None
    assert ours.board_get("prices:sim") == {}
    theirs.board_drop("prices:sim")
    for one in (ours, theirs):
        one.client.close()
