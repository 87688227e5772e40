"""Copy-trading rule 37: records of different kinds of money are never mixed or summed, and each is labelled."""

from __future__ import annotations

import json

from django.test import Client

from accounts.models import User
from marketplace.models import TrackRecord
from marketplace.proofs.downloads import record_pieces
from marketplace.proofs.services.reproducing import publish_backtest
from marketplace.proofs.services.sealing import seal_fills
from marketplace.search.selectors import Query, listings_at, search
from marketplace.search.services import refresh_ranking
from marketplace.selectors import leaderboard
from marketplace.services.listings import publish_listing
from portfolios.models import Portfolio, PortfolioKind
from strategies.services.backtests import request_backtest
from tests.fixtures_desk import Desk, Working
from tests.fixtures_past import CROSSING, Past


def test_rule_37_kinds_of_money_are_ranked_apart_and_named(alice: User, desk: Desk) -> None:
    returns = {
        PortfolioKind.LIVE: 1.01,
        PortfolioKind.PAPER: 1.5,
        PortfolioKind.SANDBOX: 3.0,
        PortfolioKind.SIMULATED: 2.0,
    }
    found = {}
    for kind, value in returns.items():
        portfolio = desk.portfolio(alice, name=kind)
        found[kind] = publish_listing(owner=alice, portfolio=portfolio, title=f"My {kind}")
        Portfolio.objects.filter(pk=portfolio.pk).update(kind=kind)
        TrackRecord.objects.filter(pk=found[kind].pk).update(unit_value=value)
    refresh_ranking()
    assert [one.title for one in listings_at(search(Query()).keys)] == [
        "My LIVE",
        "My PAPER",
        "My SANDBOX",
        "My SIMULATED",
    ]
    for kind, listing in found.items():
        assert [(one.pk, vars(one)["rank"]) for one in leaderboard(kind)] == [(listing.pk, 1)]
        header = json.loads(next(record_pieces(listing.__class__.objects.get(pk=listing.pk))))
        assert header["money"] == kind
        page = Client().get(f"/marketplace/{listing.pk}/").content.decode()
        assert f"<strong>{kind}</strong>" in page


def test_rule_37_a_backtest_moves_no_record_and_says_what_it_is(
    alice: User, past: Past, desk: Desk, working: Working
) -> None:
    listing = publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")
    before = TrackRecord.objects.values().get()
    with working():
        backtest = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    backtest.refresh_from_db()
    publish_backtest(owner=alice, listing=listing, backtest=backtest)
    assert backtest.summary["trades_count"] > 10
    # It made no fill: there is nothing to seal, and the record is as it was.
    assert seal_fills() == 0
    assert TrackRecord.objects.values().get() == before
    page = Client().get(f"/marketplace/{listing.pk}/").content.decode()
    card = page[page.index('id="backtest"') :]
    assert card.count(">backtest<") == 4
