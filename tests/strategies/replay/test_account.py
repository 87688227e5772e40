"""What the followers of a replay may wish for, and that its account lets a stranger recompute every copy from the lead's fills."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError

from tests.fixtures_replay import Replays

D = Decimal
# One follower per way of sizing; wide guards, so that sizes are what the modes say.
WIDE = {"max_order_share": "1", "max_instrument_share": "1"}
WISHES: list[dict[str, Any]] = [
    {"amount": "5000", "settings": {"sizing": "FIXED_MULTIPLE", "fixed_multiple": "0.5", **WIDE}},
    {"amount": "3000", "settings": {"sizing": "FIXED_AMOUNT", "fixed_amount": "300", **WIDE}},
    {"amount": "20", "settings": {"multiplier": "0.1"}},
    {"amount": "2000", "settings": {"denied": ["SOL-USDT"]}, "guards": {"copy_stop": None, "daily_loss": None}},
    {"amount": "4000", "settings": {"multiplier": "1.5", **WIDE}, "guards": {"copy_stop": None, "daily_loss": None}},
]


def test_the_account_recomputes_every_copy_from_the_leads_fills(replays: Replays) -> None:
    path = replays.folder / "followers.json"
    path.write_text(json.dumps(WISHES))
    report = replays.run("--candles", replays.candles(300), "--follower-settings", path).report
    account = report["account"]
    assert (report["followers"], set(report["checks"].values())) == (5, {"ok"})
    assert [one["amount"] for one in account["follows"]] == ["5000", "3000", "20", "2000", "4000"]
    # The events are the lead's fills, with nothing left out.
    opened = sum(D(one["opened_quantity"]) for one in account["lead_events"])
    assert opened == sum(D(one["quantity"]) for one in account["lead_fills"] if one["side"] == "BUY") > 0
    events = {one["seq"]: one for one in account["lead_events"]}
    assert sorted(events) == list(range(1, len(events) + 1))
    orders = [one for one in account["orders"] if one["event"]]
    wrong = []
    for order in orders:
        event, settings = events[order["event"]], WISHES[order["follower"]]["settings"]
        if order["leg"] == "CLOSE" or settings.get("sizing") is None:
            continue
        price = D(event["market_price"])
        if settings["sizing"] == "FIXED_MULTIPLE":
            wanted = D(event["opened_quantity"]) * D(settings["fixed_multiple"])
        else:
            wanted = D(settings["fixed_amount"]) / price
        if not 0 <= wanted - D(order["requested_quantity"]) < D("0.01"):
            wrong.append((order, wanted))
    assert wrong == []
    assert by_equity(account, follower=4) > 10
    # Each skip has its code, and what is counted by rule is what the orders say.
    by_follower = Counter((one["follower"], one["leg"], one["result"], one["code"]) for one in orders)
    assert {key[2:] for key in by_follower if key[:2] == (2, "OPEN")} == {("kept", "KEPT_BELOW_MINIMUM")}
    assert {key[2:] for key in by_follower if key[:2] == (3, "OPEN")} == {("skipped", "SYMBOL_DENIED")}
    counted = Counter(one["code"] for one in orders)
    rules = report["rules"]
    assert rules["15 not on the lists"] == counted["SYMBOL_DENIED"] > 0
    assert rules["11 too small: kept and netted"] == counted["KEPT_BELOW_MINIMUM"] > 0
    copied = [one for one in orders if one["result"] == "copied"]
    assert rules["9 reduced with the lead"] == sum(one["leg"] == "CLOSE" for one in copied)
    assert rules["7 sized by a fixed multiple"] == sum(one["leg"] == "OPEN" and not one["follower"] for one in copied)


def by_equity(account: dict[str, Any], follower: int) -> int:
    """Recompute a follower of one instrument who copies by equity, from the account alone; return how many orders that were."""
    wish = account["follows"][follower]
    cash, held, ratio, count = D(wish["amount"]), D(0), D(0), 0
    orders = [one for one in account["orders"] if one["follower"] == follower]
    events = {one["seq"]: one for one in account["lead_events"]}
    for order in orders:
        event = events[order["event"]]
        price = D(event["market_price"])
        if order["leg"] == "OPEN":
            # Equity is taken before the copy, and the ratio stays while something is held (rule 4).
            if not held:
                ratio = (cash + held * price) / D(event["lead_equity"]) * D(wish["settings"]["multiplier"])
            wanted = D(event["opened_quantity"]) * ratio
        else:
            wanted = held * D(event["closed_fraction"])
        # Cut to whole lots, toward zero (rule 10).
        assert 0 <= wanted - D(order["requested_quantity"]) < D("0.01"), (order, wanted)
        change = D(order["filled_quantity"]) * (1 if order["side"] == "BUY" else -1)
        held += change
        if change:
            cash -= change * D(order["average_price"]) + D(order["fee"])
        count += 1
    return count


def test_all_follow_in_one_way_and_are_stopped_in_one_way(replays: Replays) -> None:
    file = replays.candles(200)
    plain = ("--candles", file, "--followers", 3, "--guards", "copy_stop=none", "--guards", "daily_loss=0.005")
    report = replays.run(*plain, "--sizing-mode", "WEIGHTS", "--stop-mode", "CLOSE_NOW").report
    assert set(report["checks"].values()) == {"ok"}
    assert report["rules"]["8 sized by weight"] > 0
    assert report["rules"]["26 a day's loss pauses"] > 0
    follows = report["account"]["follows"]
    assert {(one["settings"]["sizing"], one["state"]) for one in follows} == {("WEIGHTS", "STOPPED")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no JSON file"),
        ("{}", "one object per follower"),
        ('[{"settings": {}}]', "Follower 1: an object with an amount"),
        ('[{"amount": "100"}, {"amount": "much"}]', "Follower 2"),
        ('[{"amount": "100", "guards": {"luck": "1"}}]', "no guard called luck"),
        ('[{"amount": "100", "settings": {"sizing": "GUESS"}}]', "Choose one of"),
    ],
)
def test_wishes_that_make_no_sense_are_said_in_a_sentence(replays: Replays, text: str, words: str) -> None:
    path = replays.folder / "followers.json"
    path.write_text(text)
    with pytest.raises(CommandError, match=words):
        replays.run("--candles", replays.candles(40), "--follower-settings", path)
