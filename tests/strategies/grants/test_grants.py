"""Grants: whoever has one runs and backtests the version; what a sealed one trades by shows up nowhere of theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.personal_data import export_personal_data
from common.clock import wall_now
from common.errors import DomainError, NotFound
from strategies.faces import Face
from strategies.grants.models import StrategyGrant
from strategies.grants.selectors import usable_version
from strategies.grants.services import grant_version, revoke_grant
from strategies.models import Backtest, JobState, StrategyRun, StrategyVersion
from strategies.selectors import runs_of_strategy
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import Working
from tests.fixtures_past import Past
from trading.models import Order, OrderState, Side

# A number that nobody else writes: wherever it turns up, the seal is broken.
SECRET = 37
FORMULA = f"enter_long = close > sma(close, {SECRET})\nexit_long = close < sma(close, {SECRET})\n"


@pytest.fixture
def version(alice: User, past: Past) -> StrategyVersion:
    return save_strategy(
        owner=alice, name="Secret", instruments=[past.instrument], timeframe="5m", face=Face(formula=FORMULA)
    )


def test_only_who_was_granted_it_uses_a_version_and_only_as_long(
    alice: User, bob: User, charlie: User, past: Past, version: StrategyVersion
) -> None:
    books = {user: past.desk.portfolio(user) for user in (bob, charlie)}
    grant = grant_version(user=bob, version=version, shows_source=False, until=wall_now() + timedelta(days=1))
    assert usable_version(bob, version.pk) == usable_version(alice, version.pk) == version
    assert start_run(actor=bob, version=version, portfolio=books[bob]).version == version
    # The author sees their own runs alone.
    assert list(runs_of_strategy(version.strategy)) == []
    for user in (charlie, None):
        with pytest.raises(NotFound):
            usable_version(user, version.pk)
    with pytest.raises(NotFound):
        start_run(actor=charlie, version=version, portfolio=books[charlie])
    StrategyGrant.objects.update(until=wall_now())
    with pytest.raises(NotFound):
        usable_version(bob, version.pk)
    again = grant_version(user=bob, version=version, shows_source=False)
    assert (again.pk, again.until) == (grant.pk, None)
    with pytest.raises(DomainError, match="yours"):
        grant_version(user=alice, version=version, shows_source=True)


def test_an_ended_grant_opens_nothing_and_still_sells(
    bob: User, past: Past, version: StrategyVersion, working: Working
) -> None:
    grant = grant_version(user=bob, version=version, shows_source=False)
    book = past.desk.portfolio(bob)
    start_run(actor=bob, version=version, portfolio=book)

    def close(price: float) -> None:
        with working():
            past.desk.close_candles(past.instrument, [price])

    def orders() -> list[tuple[str, str, str]]:
        return [(one.side, one.state, one.code) for one in Order.objects.filter(portfolio=book).order_by("created_at")]

    bought, sold = (Side.BUY, OrderState.FILLED, ""), (Side.SELL, OrderState.FILLED, "")
    close(140)
    assert orders() == [bought]
    revoke_grant(grant=grant)
    close(60)
    assert orders() == [bought, sold]
    close(150)
    assert orders() == [bought, sold, (Side.BUY, OrderState.DENIED, "GRANT_ENDED")]


def test_a_sealed_source_shows_nowhere_of_its_users(
    bob: User, past: Past, version: StrategyVersion, working: Working
) -> None:
    grant_version(user=bob, version=version, shows_source=False)
    with working():
        request_backtest(owner=bob, version=version, terms=past.terms())
    start_run(actor=bob, version=version, portfolio=past.desk.portfolio(bob))
    backtest, run = Backtest.objects.get(), StrategyRun.objects.get()
    assert backtest.state == JobState.DONE
    browser, program = Client(), APIClient()
    browser.force_login(bob)
    program.force_authenticate(bob)
    pages = {
        "granted": version.pk,
        "try": version.pk,
        "start": version.pk,
        "run": run.pk,
        "backtest": backtest.pk,
    }
    texts: dict[str, Any] = {
        name: browser.get(reverse(f"strategies:{name}", args=[key])) for name, key in pages.items()
    }
    texts["list"] = browser.get(reverse("strategies:list"))
    for address in ("strategies/grants/", f"backtests/{backtest.pk}/", "backtests/", "runs/", f"runs/{run.pk}/"):
        texts[address] = program.get(f"/api/v1/{address}")
    assert {name: answer.status_code for name, answer in texts.items()} == dict.fromkeys(texts, 200)
    told = {name: answer.content.decode() for name, answer in texts.items()}
    told["export"] = json.dumps(export_personal_data(user=bob)["strategies"], default=str)
    leaks = ("sma", "graph&quot;", '"graph"', "enter_long", f"({SECRET}", f": {SECRET},")
    assert {name: leak for name, text in told.items() for leak in leaks if leak in text} == {}
    assert program.get(f"/api/v1/backtests/{backtest.pk}/").json()["spec"]["sealed"] is True
    # Their author's own pages are closed to them, and a sweep would tell what it is made of.
    for address in (
        reverse("strategies:detail", args=[version.strategy_id]),
        reverse("strategies:edit", args=[version.strategy_id]),
        reverse("strategies:sweep_version", args=[version.pk]),
    ):
        assert browser.get(address).status_code == 404
    asked = {"version": str(version.pk), "start": "2026-02-27T00:00Z", "end": "2026-03-01T00:00Z", "grid": {"a": [1]}}
    assert program.post("/api/v1/sweeps/", asked, format="json").status_code == 404


def test_a_visible_source_is_shown_and_a_granted_version_never_changes(
    alice: User, bob: User, past: Past, version: StrategyVersion
) -> None:
    grant_version(user=bob, version=version, shows_source=True)
    browser = Client()
    browser.force_login(bob)
    assert str(SECRET) in browser.get(reverse("strategies:granted", args=[version.pk])).content.decode()
    edited = save_strategy(
        owner=alice,
        name="Secret",
        instruments=[past.instrument],
        timeframe="5m",
        face=Face(formula=FORMULA.replace(str(SECRET), "38")),
        strategy=version.strategy,
    )
    assert (edited.number, StrategyVersion.objects.get(pk=version.pk).graph) == (2, version.graph)


def test_what_a_sealed_strategy_reads_is_not_named_by_a_refusal(alice: User, bob: User, past: Past) -> None:
    other = 'enter_long = other("XYZ-USDT", close) > close\nexit_long = close < open\n'
    version = save_strategy(
        owner=alice, name="Reads", instruments=[past.instrument], timeframe="5m", face=Face(formula=other)
    )
    grant_version(user=bob, version=version, shows_source=False)
    for user, is_named in ((alice, True), (bob, False)):
        with pytest.raises(DomainError) as refused:
            request_backtest(owner=user, version=version, terms=past.terms())
        assert ("XYZ" in refused.value.message) is is_named
    with pytest.raises(DomainError) as refused:
        start_run(actor=bob, version=version, portfolio=past.desk.portfolio(bob))
    assert (refused.value.code, "XYZ" in refused.value.message, refused.value.context) == ("NOT_YET_LIVE", False, {})
