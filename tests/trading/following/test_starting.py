"""What a follow does about what the lead holds already (copy-trading rule 29)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from engine.copying.drift import EVERY
from tests.fixtures_trading import Pit, failed_checks, plain
from tests.fixtures_waiting_on_margin import Perpetual
from trading.follow_models import StartMode
from trading.models import Follow, FollowPosition
from trading.services.follows import start_follow

D = Decimal


def start(pit: Pit, user: User, mode: StartMode, amount: int = 1_000, **settings: Any) -> Follow:
    asked: dict[str, Any] = {"lead": pit.lead, "amount": D(amount), "multiplier": D(1), "settings": settings}
    source = pit.portfolio(user, amount, "Savings")
    with pit.working():
        return start_follow(follower=user, source=source, start=mode, **asked)


def test_rule_29_new_trades_only_leaves_what_the_lead_holds(pit: Pit, bob: User) -> None:
    pit.buy(20)
    follow = start(pit, bob, StartMode.NEW_ONLY)
    assert (pit.held(follow), pit.orders(follow)) == ("0", [])


def test_rule_29_adopting_buys_the_leads_positions_at_the_followers_scale(pit: Pit, bob: User) -> None:
    pit.buy(20)
    pit.price(110)
    follow = start(pit, bob, StartMode.ADOPT_ALL)
    # The lead is worth 10,200: 1,000 ÷ 10,200 of its 20 coins, in lots.
    assert pit.held(follow) == "1.96"
    aim = FollowPosition.objects.get(follow=follow)
    assert (plain(aim.target), plain(round(aim.ratio, 6))) == ("1.96", "0.098039")
    # From here on it is copied as if it had been there: half out, then all of it.
    pit.sell(10)
    assert pit.held(follow) == "0.98"
    pit.sell(10)
    assert pit.held(follow) == "0"
    assert failed_checks() == {}


@pytest.mark.parametrize(("price", "held"), [("99.99", "2.001"), ("100", "2"), ("100.01", "0")])
def test_rule_29_adopting_where_it_is_no_worse_looks_at_the_leads_entry(
    pit: Pit, bob: User, price: str, held: str
) -> None:
    pit.buy(20)
    pit.price(price)
    follow = start(pit, bob, StartMode.ADOPT_NO_WORSE)
    if held == "0":
        assert pit.orders(follow) == [("BUY", "OPEN", "DENIED", "0", "PRICE_WORSE_THAN_LEADS")]
    assert abs(D(pit.held(follow)) - D(held)) <= D("0.001")


def test_rule_29_what_is_too_small_to_be_adopted_says_so(pit: Pit, bob: User) -> None:
    pit.buy("0.05")
    follow = start(pit, bob, StartMode.ADOPT_ALL, amount=100)
    assert pit.orders(follow) == [("BUY", "OPEN", "DENIED", "0", "QUANTITY_BELOW_MINIMUM")]
    assert FollowPosition.objects.get(follow=follow).target == 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"denied": ["BTC-USDT"]}, ("DENIED", "0", "SYMBOL_DENIED")),
        ({"max_instrument_share": "0.1"}, ("FILLED", "1", "CLIPPED_INSTRUMENT_SHARE")),
        ({"sizing": "FIXED_MULTIPLE", "fixed_multiple": "0.05"}, ("FILLED", "1", "")),
        ({"sizing": "FIXED_AMOUNT", "fixed_amount": "50"}, ("FILLED", "0.5", "")),
    ],
)
def test_rule_29_what_is_adopted_obeys_the_settings_of_the_follow(
    pit: Pit, bob: User, settings: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    pit.buy(20)
    follow = start(pit, bob, StartMode.ADOPT_ALL, **settings)
    [(_, _, state, quantity, code)] = pit.orders(follow)
    assert (state, quantity, code) == expected
    aim, follow = FollowPosition.objects.get(follow=follow), Follow.objects.get(pk=follow.pk)
    assert (plain(aim.target), follow.copied_count) == (quantity, int(state == "FILLED"))
    assert follow.drift_due_at == pit.desk.at + EVERY


def test_rules_25_and_29_a_short_is_adopted_on_no_more_leverage_than_the_follower_allows(
    perpetual: Perpetual, bob: User
) -> None:
    perpetual.terms(10)
    perpetual.pit.sell(300)
    follow = start(perpetual.pit, bob, StartMode.ADOPT_ALL, max_instrument_share="1", max_leverage="3")
    # Of the 30 that the ratio asks for: one instrument is at most all of the equity.
    position = perpetual.position(follow.portfolio)
    assert (plain(position.quantity), position.leverage) == ("-10", 3)
    assert abs(position.margin + position.cost / 3) < D("0.000001")
    assert failed_checks() == {}
