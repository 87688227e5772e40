"""The pages of backtests and sweeps: asked for, waited for, read, compared, exported; and nobody else's."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Limit, LimitName, User
from engine.strategy.templates import TEMPLATES
from strategies.faces import Face, faces_of
from strategies.models import Backtest, JobState, StrategyVersion, Sweep
from strategies.selectors import backtests
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.sweeps import Search, request_sweep
from tests.fixtures_desk import Working
from tests.fixtures_past import CROSSING, Past

TERMS = {
    "period": "all",
    "initial_cash": "10000",
    "taker_fee": "0.1",
    "maker_fee": "0.1",
    "slippage": "bps",
    "slippage_value": "2",
    "leverage": "1",
    "fill_rule": "standard",
}
RANGES = {"fast_vary": "on", "fast_from": "2", "fast_to": "4", "fast_step": "1", "slow_vary": "on", "slow_from": "6"}
SWEEP = {
    **TERMS,
    **RANGES,
    "slow_to": "10",
    "slow_step": "2",
    "share_from": "0.1",
    "share_to": "0.2",
    "share_step": "0.1",
    "search": "grid",
}


@dataclass
class Tried:
    """Alice in her browser, her version, and a finished backtest of it."""

    browser: Client
    version: StrategyVersion
    backtest: Backtest

    def at(self, name: str, query: dict[str, Any] | None = None, part: str = "") -> Any:
        address = reverse(f"strategies:{name}", args=[self.backtest.pk])
        return self.browser.get(address, query, headers={"HX-Target": part})


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def version(alice: User, past: Past) -> StrategyVersion:
    return save_strategy(owner=alice, name="Waves", instruments=[past.instrument], timeframe="5m", face=CROSSING)


@pytest.fixture
def tried(alice: User, past: Past, version: StrategyVersion, working: Working) -> Tried:
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), version=version)
    return Tried(browser_of(alice), version, Backtest.objects.get(pk=asked.pk))


def test_the_form_says_what_candles_there_are(alice: User, version: StrategyVersion) -> None:
    page = browser_of(alice).get(reverse("strategies:try", args=[version.pk])).content.decode()
    assert "about 2,000 candles of 5m" in page


def test_a_backtest_is_asked_for_in_per_cent_and_shown_when_it_is_done(
    alice: User, version: StrategyVersion, working: Working
) -> None:
    browser = browser_of(alice)
    with working():
        answer = browser.post(reverse("strategies:try", args=[version.pk]), TERMS)
        asked = Backtest.objects.get()
        assert answer.headers["Location"] == reverse("strategies:backtest", args=[asked.pk])
        waiting = browser.get(answer.headers["Location"]).content.decode()
        assert "Waiting for a free worker" in waiting
        assert 'hx-trigger="load delay:80ms, every 5s"' in waiting
    assert asked.spec["costs"] | {"taker_fee": 0.001, "slippage": "bps", "slippage_value": 2.0} == asked.spec["costs"]
    part = browser.get(answer.headers["Location"], headers={"HX-Target": "backtest"})
    assert part.templates[0].name == "strategies/_backtest.html"
    assert b'hx-trigger="load' not in part.content
    assert b'data-state="DONE"' in part.content


def test_a_waiting_page_asks_ever_more_seldom(alice: User, version: StrategyVersion, past: Past) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), version=version)
    browser, address = browser_of(alice), reverse("strategies:backtest", args=[asked.pk])
    waits = [
        browser.get(address, {"asked": str(count)}).context["wait_ms"] for count in (0, 11, 12, 20, 999, "x", "-1")
    ]
    assert waits == [80, 80, 400, 1200, 2000, 80, 80]
    browser.post(reverse("strategies:cancel_backtest", args=[asked.pk]))
    asked.refresh_from_db()
    assert asked.state == JobState.CANCELED
    assert b"You stopped it" in browser.get(address).content


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"period": "dates", "start": "2030-01-01", "end": "2030-02-01"}, "start"),
        ({"initial_cash": "0"}, "initial_cash"),
        ({"taker_fee": "11"}, "taker_fee"),
        ({"fill_rule": "detail"}, "detail_timeframe"),
        ({"leverage": "nan"}, "leverage"),
    ],
)
def test_terms_that_cannot_be_are_refused_at_their_field(
    alice: User, version: StrategyVersion, wrong: dict[str, str], field: str
) -> None:
    page = browser_of(alice).post(reverse("strategies:try", args=[version.pk]), TERMS | wrong)
    assert (page.status_code, list(page.context["form"].errors)) == (400, [field])
    assert Backtest.objects.count() == 0


def test_the_result_says_first_what_it_is_worth(tried: Tried) -> None:
    page = tried.at("backtest")
    text = page.content.decode()
    verdict = tried.backtest.result.summary["verdict"]
    assert text.index(verdict["headline"]) < text.index("Maximum drawdown")
    for reason in verdict["reasons"]:
        assert reason["text"].replace("'", "&#x27;") in text
    shown = page.context["page"]
    metrics = [metric for group in shown.metrics for metric in group.metrics]
    assert len(metrics) == len({metric.key for metric in metrics}) == len(tried.backtest.result.summary["metrics"])
    assert all(metric.explanation and f'id="about-{metric.key}"' in text for metric in metrics)
    assert dict(shown.spec)["Fee"] == "0.100% market, 0.100% limit"
    assert text.count("<h1>") == 1


def test_few_queries_make_a_result(tried: Tried, django_assert_max_num_queries: Any) -> None:
    tried.at("backtest", part="backtest")  # once in five minutes it is noted when a session was last seen
    with django_assert_max_num_queries(8):
        assert tried.at("backtest", part="backtest").status_code == 200


def test_trades_are_sorted_filtered_and_cut_into_pages(tried: Tried) -> None:
    rows = tried.at("backtest_trades", {"sort": "-profit"}).context["trades"].rows
    assert len(rows) == 25
    profits = [float(row.profit.replace("−", "-").replace(",", "")) for row in rows]
    assert profits == sorted(profits, reverse=True)
    won = tried.at("backtest_trades", {"result": "won", "side": "long"}).context["trades"]
    lost = tried.at("backtest_trades", {"result": "lost", "page": "99"}).context["trades"]
    assert won.page.paginator.count + lost.page.paginator.count == won.total
    assert {row.sign for row in won.rows} == {"pos"}
    assert lost.page.number == lost.page.paginator.num_pages
    assert tried.at("backtest_trades", {"side": "short"}).context["trades"].rows == []
    odd = {"sort": "nonsense", "side": "up", "reason": "x", "page": "no"}
    assert tried.at("backtest_trades", odd).context["trades"].rows[0].number == 1


def test_trades_are_taken_home_whole(tried: Tried) -> None:
    total = tried.backtest.summary["trades_count"]
    answer = tried.at("trades_csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == total
    assert rows[0]["symbol"] == "BTC-USDT"
    assert rows[0]["opened_at"].endswith("+00:00")
    table = pq.read_table(io.BytesIO(tried.at("trades_parquet").content))
    assert table["profit"].to_pylist() == [float(row["profit"]) for row in rows]
    assert 'attachment; filename="trades-' in answer.headers["Content-Disposition"]


def test_charts_get_lean_data(tried: Tried) -> None:
    curves = tried.at("backtest_equity").json()
    assert [one["name"] for one in curves["curves"]] == ["Strategy", "Buy and hold"]
    assert curves["curves"][0]["points"][0][1] == 10_000
    assert max(value for _, value in curves["drawdowns"][0]["points"]) == 0
    whole = tried.at("backtest_prices").json()
    assert (whole["step"], whole["finest"]) == (900, 300)  # 1,440 five-minute candles are more than a screen shows
    assert len(whole["candles"]) == 480
    entries = sum(count for _, kind, count, _ in whole["markers"] if kind == "long")
    assert entries == tried.backtest.summary["trades_count"]
    part = tried.at("backtest_prices", {"from": str(whole["first"]), "to": str(whole["first"] + 86_400)}).json()
    assert (part["step"], len(part["candles"])) == (300, 288)
    assert tried.at("backtest_prices", {"from": "9" * 11, "to": "x", "instrument": "7"}).json()["candles"] == []


def test_a_strategy_without_trades_has_a_page_too(alice: User, past: Past, working: Working) -> None:
    never = Face(formula="enter_long = close > 1000000")
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), face=never, name="Never" * 16)
    text = browser_of(alice).get(reverse("strategies:backtest", args=[asked.pk])).content.decode()
    assert "It made no trade" in text
    assert "Too little to redraw" in text


def test_backtests_are_compared_side_by_side(alice: User, tried: Tried, past: Past, working: Working) -> None:
    with working():
        other = request_backtest(owner=alice, terms=past.terms(initial_cash=5_000.0), version=tried.version)
    ids = {"id": [str(tried.backtest.pk), str(other.pk), str(tried.backtest.pk)]}
    page = tried.browser.get(reverse("strategies:compare"), ids)
    assert [one.pk for one in page.context["backtests"]] == [tried.backtest.pk, other.pk]
    profit = next(row for row in page.context["rows"] if row.key == "final_equity_amount")
    assert sum(best for _, best in profit.cells) == 1
    curves = tried.browser.get(reverse("strategies:compared_equity"), ids).json()["curves"]
    assert [one["points"][0][1] for one in curves] == [0, 0]
    listed = tried.browser.get(reverse("strategies:backtests")).content.decode()
    assert listed.count('type="checkbox"') == 2


def test_a_backtest_is_forgotten(tried: Tried) -> None:
    answer = tried.browser.post(reverse("strategies:delete_backtest", args=[tried.backtest.pk]))
    assert answer.headers["Location"] == reverse("strategies:backtests")
    assert backtests().count() == 0


def test_the_count_of_a_sweep_is_said_before_it_starts(alice: User, version: StrategyVersion) -> None:
    browser, count = browser_of(alice), reverse("strategies:sweep_count", args=[version.pk])
    Limit.objects.filter(name=LimitName.SWEEP_POINTS).update(value=20)
    assert '<strong class="num">9</strong> combinations, of 20 allowed' in browser.post(count, SWEEP).content.decode()
    many = browser.post(count, SWEEP | {"fast_to": "12"}).content.decode()
    assert "These are 33 combinations; your plan allows 20 in one sweep." in many
    some = browser.post(count, SWEEP | {"fast_to": "12", "search": "random", "count": "5"}).content.decode()
    assert '<strong class="num">5</strong>' in some
    assert "Choose at least one parameter to vary." in browser.post(count, TERMS | {"search": "grid"}).content.decode()
    assert Sweep.objects.count() == 0


def test_a_sweep_becomes_a_heat_map_and_its_best_a_version(
    alice: User, version: StrategyVersion, working: Working
) -> None:
    browser = browser_of(alice)
    with working():
        answer = browser.post(reverse("strategies:sweep_version", args=[version.pk]), SWEEP)
    sweep = Sweep.objects.get()
    assert answer.headers["Location"] == reverse("strategies:sweep", args=[sweep.pk])
    assert (sweep.state, sweep.points) == (JobState.DONE, 9)
    page = browser.get(answer.headers["Location"], {"measure": "sharpe"}).context["page"]
    assert (page.heatmap.columns, [label for label, _ in page.heatmap.rows]) == (["2", "3", "4"], ["6", "8", "10"])
    cells = [cell for _, row in page.heatmap.rows for cell in row]
    assert [cell.is_best for cell in cells].count(True) == 1
    assert page.rows[0].number == page.best.number
    turned = browser.get(
        answer.headers["Location"], {"across": "slow", "sort": "fast"}, headers={"HX-Target": "sweep-results"}
    )
    assert turned.templates[0].name == "strategies/_sweep_results.html"
    assert turned.context["page"].heatmap.columns == ["6", "8", "10"]
    assert [row.values[0] for row in turned.context["page"].rows] == ["2"] * 3 + ["3"] * 3 + ["4"] * 3
    best = page.best
    saved = browser.post(reverse("strategies:save_point", args=[sweep.pk, best.number]))
    newest = StrategyVersion.objects.order_by("-number")[0]
    assert saved.headers["Location"] == reverse("strategies:try", args=[newest.pk])
    assert newest.number == 2
    assert [str(faces_of(newest.graph).values[name]) for name in ("fast", "slow")] == best.values
    assert browser.post(reverse("strategies:save_point", args=[sweep.pk, 99])).status_code == 404


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_every_template_can_be_swept(alice: User, past: Past, name: str) -> None:
    face = Face(template=name)
    saved = save_strategy(owner=alice, name=name, instruments=[past.instrument], timeframe="5m", face=face)
    address = reverse("strategies:sweep_version", args=[saved.pk])
    form = browser_of(alice).get(address).context["form"]
    typed = {field.name: field.value() for field in form if field.value() not in (None, False, "")}
    count = browser_of(alice).post(reverse("strategies:sweep_count", args=[saved.pk]), typed)
    assert count.context["form"].errors == {}
    assert count.context["points"] > 1


def test_everybody_else_finds_nothing(alice: User, bob: User, charlie: User, tried: Tried, past: Past) -> None:
    sweep = request_sweep(owner=alice, terms=past.terms(), search=Search(grid={"fast": [2, 3]}), version=tried.version)
    of_backtest = ("backtest", "backtest_trades", "backtest_equity", "backtest_prices", "trades_csv", "trades_parquet")
    reads = [reverse(f"strategies:{name}", args=[tried.backtest.pk]) for name in of_backtest]
    reads += [reverse("strategies:sweep", args=[sweep.pk])]
    reads += [reverse(f"strategies:{name}", args=[tried.version.pk]) for name in ("try", "sweep_version")]
    acts = [reverse(f"strategies:{name}", args=[tried.backtest.pk]) for name in ("cancel_backtest", "delete_backtest")]
    acts += [reverse("strategies:cancel_sweep", args=[sweep.pk]), reverse("strategies:save_point", args=[sweep.pk, 0])]
    for user in (bob, charlie):
        browser = browser_of(user)
        assert {browser.get(address).status_code for address in reads} == {404}
        assert {browser.post(address).status_code for address in acts} == {404}
        for name in ("compare", "compared_equity"):
            asked = browser.get(reverse(f"strategies:{name}"), {"id": str(tried.backtest.pk)})
            assert asked.status_code == 404
        assert b"Waves" not in browser.get(reverse("strategies:backtests")).content
        assert b"Waves" not in browser.get(reverse("strategies:sweeps")).content
    for address in reads:
        assert Client().get(address).headers["Location"] == f"{reverse('account_login')}?next={address}"
    sweep.refresh_from_db()
    assert (Backtest.objects.count(), sweep.state) == (1, JobState.QUEUED)
