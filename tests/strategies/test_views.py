"""The strategies pages: forms in per cent, refusals at their field, runs that only their owner sees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from markets.models import Instrument
from strategies.forms import StrategyForm, percent
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import Desk, Working


@pytest.fixture
def btc(desk: Desk) -> Instrument:
    return desk.instrument()


@pytest.fixture
def entered(btc: Instrument) -> dict[str, Any]:
    return {
        "name": "Crossing",
        "instrument": str(btc.pk),
        "timeframe": "5m",
        "fast": "2",
        "slow": "3",
        "share": "25",
        "stop_loss": "",
    }


@pytest.fixture
def version(alice: User, btc: Instrument) -> StrategyVersion:
    parameters = {"fast": 2, "slow": 3, "share": "0.125", "stop_loss": "0.05"}
    return save_strategy(owner=alice, name="Crossing", instrument=btc, timeframe="5m", parameters=parameters)


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def test_the_first_visit_says_how_to_begin(alice: User) -> None:
    page = browser_of(alice).get(reverse("strategies:list"))
    assert page.status_code == 200
    assert b"No strategies yet" in page.content


def test_a_strategy_is_written_in_per_cent(alice: User, entered: dict[str, Any]) -> None:
    browser = browser_of(alice)
    assert b'value="20"' in browser.get(reverse("strategies:new")).content
    answer = browser.post(reverse("strategies:new"), entered)
    version = StrategyVersion.objects.get()
    assert answer.headers["Location"] == reverse("strategies:detail", args=[version.strategy_id])
    assert version.parameters == {"fast": 2, "slow": 3, "share": "0.25", "stop_loss": None}
    for page in (answer.headers["Location"], reverse("strategies:list")):
        assert b"Crossing" in browser.get(page).content


def test_an_edit_begins_with_what_is_there(alice: User, version: StrategyVersion, entered: dict[str, Any]) -> None:
    initial = StrategyForm.initial_of(version)
    assert (str(initial["share"]), str(initial["stop_loss"])) == ("12.5", "5")
    address = reverse("strategies:edit", args=[version.strategy_id])
    assert b'value="12.5"' in browser_of(alice).get(address).content
    browser_of(alice).post(address, entered | {"name": "Renamed"})
    version.refresh_from_db()
    assert (version.strategy.name, version.parameters["share"]) == ("Renamed", "0.25")


@pytest.mark.parametrize(("ratio", "shown"), [("0.2", "20"), ("1", "100"), ("0.125", "12.5"), ("0.001", "0.1")])
def test_ratios_are_shown_without_padding(ratio: str, shown: str) -> None:
    assert str(percent(Decimal(ratio))) == shown


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"fast": "3"}, "fast", "Choose a fast period below the slow one."),
        ({"slow": "501"}, "slow", "Enter a slow period from 2 to 500 candles."),
        ({"share": "101"}, "share", "Enter a share of equity from 1 % to 100 %, with at most 3 decimals."),
        ({"stop_loss": "51"}, "stop_loss", "Enter a stop loss from 0.1 % to 50 %, with at most 3 decimals."),
        ({"name": " "}, "name", "This field is required."),
        (
            {"instrument": "01890000-0000-7000-8000-000000000000"},
            "instrument",
            "Select a valid choice. That choice is not one of the available choices.",
        ),
    ],
)
def test_what_is_wrong_is_shown_at_its_field(
    alice: User, entered: dict[str, Any], wrong: dict[str, str], field: str, message: str
) -> None:
    page = browser_of(alice).post(reverse("strategies:new"), entered | wrong)
    assert (page.status_code, page.context["form"].errors) == (400, {field: [message]})
    assert Strategy.objects.count() == 0


def test_a_run_is_started_watched_and_stopped(
    alice: User, desk: Desk, version: StrategyVersion, working: Working
) -> None:
    browser, portfolio = browser_of(alice), desk.portfolio(alice)
    start = reverse("strategies:start", args=[version.pk])
    assert b"Main" in browser.get(start).content
    answer = browser.post(start, {"portfolio": str(portfolio.pk)})
    run = StrategyRun.objects.get()
    assert answer.headers["Location"] == reverse("strategies:run", args=[run.pk])
    with working():
        desk.close_candles(version.instrument, [10, 10, 10, 12])
    address = answer.headers["Location"]
    page = browser.get(address)
    assert [one["cause"] for one in page.context["orders"]] == ["Strategy"]
    assert page.context["position"].quantity == Decimal("104.166")  # an eighth of 10,000 at 12
    for part, template in (("run-state", "strategies/_run_state.html"), ("run-orders", "trading/_orders.html")):
        answer = browser.get(address, headers={"HX-Target": part})
        assert answer.templates[0].name == template
    assert browser.post(reverse("strategies:stop", args=[run.pk])).headers["Location"] == address
    run.refresh_from_db()
    assert run.state == RunState.STOPPED
    assert b"Stopped by owner" in browser.get(address).content


def test_a_portfolio_that_does_not_fit_is_not_offered(alice: User, desk: Desk, version: StrategyVersion) -> None:
    elsewhere = Desk().portfolio(alice)
    start = reverse("strategies:start", args=[version.pk])
    assert b"No portfolio fits" in browser_of(alice).get(start).content
    page = browser_of(alice).post(start, {"portfolio": str(elsewhere.pk)})
    assert (page.status_code, list(page.context["form"].errors)) == (400, ["portfolio"])
    assert StrategyRun.objects.count() == 0


def test_everybody_else_finds_nothing(
    alice: User, bob: User, charlie: User, desk: Desk, version: StrategyVersion, entered: dict[str, Any]
) -> None:
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    strategy = version.strategy_id
    pages = [("detail", strategy), ("edit", strategy), ("start", version.pk), ("run", run.pk)]
    for user in (bob, charlie):
        browser = browser_of(user)
        assert [browser.get(reverse(f"strategies:{name}", args=[key])).status_code for name, key in pages] == [404] * 4
        assert browser.post(reverse("strategies:edit", args=[strategy]), entered).status_code == 404
        assert browser.post(reverse("strategies:stop", args=[run.pk])).status_code == 404
        assert b"Crossing" not in browser.get(reverse("strategies:list")).content
    nobody = browser_of(None)
    for name, key in [*pages, ("stop", run.pk)]:
        address = reverse(f"strategies:{name}", args=[key])
        answer = nobody.post(address) if name == "stop" else nobody.get(address)
        assert answer.headers["Location"] == f"{reverse('account_login')}?next={address}"
    run.refresh_from_db()
    version.refresh_from_db()
    assert (run.state, version.parameters["share"]) == (RunState.RUNNING, "0.125")
