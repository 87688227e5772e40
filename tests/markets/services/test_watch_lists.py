"""Watch lists: whose they are, what fits, and that their order is the owner's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import LimitName, Plan, User
from common.errors import DomainError, NotFound
from markets.models import Instrument, WatchList
from markets.selectors import watch_list_for_user, watch_lists_of
from markets.services import (
    create_watch_list,
    delete_watch_list,
    order_watch_list,
    rename_watch_list,
    unwatch_instrument,
    watch_instrument,
)
from tests.fixtures_desk import Desk


@pytest.fixture
def coins(desk: Desk) -> list[Instrument]:
    return [desk.instrument(base) for base in ("BTC", "ETH", "SOL", "XRP")]


def symbols(watch_list: WatchList) -> list[str]:
    return [entry.instrument.symbol for entry in watch_list_for_user(watch_list.owner, watch_list.pk).entries.all()]


def test_only_its_owner_gets_a_list(alice: User, bob: User, charlie: User) -> None:
    mine = create_watch_list(owner=alice, name="  Big   ones ")
    create_watch_list(owner=bob, name="Big ones")
    assert mine.name == "Big ones"
    assert watch_list_for_user(alice, str(mine.pk)) == mine
    for stranger in (bob, charlie, AnonymousUser(), None):
        with pytest.raises(NotFound):
            watch_list_for_user(stranger, mine.pk)
    with pytest.raises(NotFound):
        watch_list_for_user(alice, "nothing")
    assert list(watch_lists_of(alice)) == [mine]


def test_a_list_keeps_the_order_in_which_it_was_filled_and_then_its_owner_s(
    alice: User, coins: list[Instrument]
) -> None:
    mine = create_watch_list(owner=alice, name="Mine")
    for coin in (coins[2], coins[0], coins[3]):
        watch_instrument(watch_list=mine, instrument=coin)
    assert watch_instrument(watch_list=mine, instrument=coins[2]).position == 0
    assert symbols(mine) == ["SOL-USDT", "BTC-USDT", "XRP-USDT"]
    order_watch_list(watch_list=mine, instrument_ids=[coins[3].pk, coins[1].pk, coins[0].pk])
    assert symbols(mine) == ["XRP-USDT", "BTC-USDT", "SOL-USDT"]
    assert unwatch_instrument(watch_list=mine, instrument_id=coins[0].pk) is True
    assert unwatch_instrument(watch_list=mine, instrument_id=coins[0].pk) is False
    watch_instrument(watch_list=mine, instrument=coins[1])
    assert symbols(mine) == ["XRP-USDT", "SOL-USDT", "ETH-USDT"]


def test_names_are_the_owner_s_own_and_not_empty(alice: User) -> None:
    first, second = create_watch_list(owner=alice, name="One"), create_watch_list(owner=alice, name="Two")
    for name in ("", " \n", "x" * 61):
        with pytest.raises(DomainError, match="Give the list a name"):
            create_watch_list(owner=alice, name=name)
    with pytest.raises(DomainError) as refusal:
        rename_watch_list(watch_list=second, name="One")
    assert (refusal.value.code, refusal.value.status) == ("WATCH_LIST_NAME_TAKEN", 409)
    delete_watch_list(watch_list=first)
    assert rename_watch_list(watch_list=second, name="One").name == "One"
    assert [one.name for one in watch_lists_of(alice)] == ["One"]


def test_the_plan_limits_lists_and_what_is_on_one(alice: User, coins: list[Instrument]) -> None:
    plan = Plan.objects.create(name="Small")
    plan.limits.create(name=LimitName.WATCH_LISTS, value=1)
    plan.limits.create(name=LimitName.WATCHED_INSTRUMENTS, value=2)
    alice.profile.plan = plan
    alice.profile.save()
    mine = create_watch_list(owner=alice, name="Mine")
    with pytest.raises(DomainError, match="allows 1 watch lists"):
        create_watch_list(owner=alice, name="More")
    for coin in coins[:2]:
        watch_instrument(watch_list=mine, instrument=coin)
    with pytest.raises(DomainError, match="allows 2 instruments on one watch list"):
        watch_instrument(watch_list=mine, instrument=coins[2])
    assert symbols(mine) == ["BTC-USDT", "ETH-USDT"]
