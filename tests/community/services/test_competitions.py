"""Competitions: same capital, same instruments, same end for everybody."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import AuditEntry, User
from common.bus import bus
from common.errors import DomainError
from common.realtime import CHANNEL
from community import selectors
from community.models import Competition, CompetitionEntry, CompetitionState
from community.services.competitions import close_competition, create_competition, enter_competition
from community.tasks import close_due_competitions, publish_rankings
from markets.models import Instrument, InstrumentState
from portfolios.models import Balance, Portfolio, PortfolioState
from portfolios.services.cash import deposit, transfer, withdraw
from strategies.models import RunState, StrategyRun
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_past import ema_cross
from trading.models import Order, Side
from trading.services.orders import place_hand_order

HOUR = timedelta(hours=1)


@pytest.fixture
def facts(desk: Desk, btc: Instrument) -> dict[str, Any]:
    return {
        "title": "Spring sprint",
        "description": "Whoever has most.",
        "exchange": desk.exchange,
        "settlement": desk.usdt,
        "starting_capital": Decimal(1000),
        "allowed_instruments": [btc],
        "starts_at": NOON,
        "ends_at": NOON + HOUR,
    }


def buy(user: User, portfolio: Portfolio, instrument: Instrument, quantity: str) -> Order:
    return place_hand_order(
        actor=user, portfolio=portfolio, instrument=instrument, side=Side.BUY, quantity=Decimal(quantity)
    )


def move_to(desk: Desk, at: datetime, instrument: Instrument, price: int) -> None:
    desk.step({instrument: price}, at=at)


# --- setting up -----------------------------------------------------------------------------------------------------
def test_an_operator_sets_it_up(operator: User, facts: dict[str, Any], btc: Instrument) -> None:
    competition = create_competition(operator=operator, **facts)
    assert (competition.state, competition.created_by) == (CompetitionState.OPEN, operator)
    assert list(competition.allowed_instruments.all()) == [btc]
    assert AuditEntry.objects.get(action="competition.created").actor == operator


def test_nobody_else_does(alice: User, facts: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        create_competition(operator=alice, **facts)
    assert (refused.value.code, refused.value.status) == ("OPERATORS_ONLY", 403)
    assert Competition.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"title": ""}, "TITLE_INVALID", "title"),
        ({"description": "x" * 4001}, "DESCRIPTION_TOO_LONG", "description"),
        ({"ends_at": NOON}, "WINDOW_INVALID", "ends_at"),
        ({"starts_at": NOON - 2 * HOUR, "ends_at": NOON - HOUR}, "WINDOW_OVER", "ends_at"),
        ({"starting_capital": Decimal(0)}, "AMOUNT_NOT_POSITIVE", "starting_capital"),
        ({"starting_capital": Decimal(10) ** 10}, "AMOUNT_TOO_LARGE", "starting_capital"),
        ({"allowed_instruments": []}, "INSTRUMENTS_MISSING", "allowed_instruments"),
    ],
)
def test_what_is_wrong_is_refused(
    operator: User, facts: dict[str, Any], wrong: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        create_competition(operator=operator, **(facts | wrong))
    assert (refused.value.code, refused.value.context["field"]) == (code, field)
    assert Competition.objects.count() == 0


def test_instruments_must_be_of_the_exchange_the_currency_and_tradable(
    operator: User, facts: dict[str, Any], desk: Desk, btc: Instrument
) -> None:
    retired = desk.instrument("OLD", state=InstrumentState.RETIRED)
    for wrong in (Desk().instrument(), desk.instrument("ETH", "BTC"), retired):
        with pytest.raises(DomainError) as refused:
            create_competition(operator=operator, **(facts | {"allowed_instruments": [btc, wrong]}))
        assert refused.value.code == "INSTRUMENT_DOES_NOT_FIT"
    assert Competition.objects.count() == 0


# --- entering -------------------------------------------------------------------------------------------------------
def test_an_entrant_gets_a_portfolio_with_the_starting_capital(
    alice: User, competition: Competition, btc: Instrument
) -> None:
    entry = enter_competition(user=alice, competition=competition)
    portfolio = entry.portfolio
    assert (portfolio.owner, portfolio.name, portfolio.state) == (alice, "Spring sprint", PortfolioState.OPEN)
    assert (portfolio.is_restricted, portfolio.cash_is_locked) == (True, True)
    assert list(portfolio.allowed_instruments.all()) == [btc]
    assert Balance.objects.get(portfolio=portfolio).amount == Decimal(1000)
    assert (entry.user, entry.entered_at) == (alice, NOON)


def test_a_name_that_is_taken_gets_a_number(alice: User, desk: Desk, competition: Competition) -> None:
    desk.portfolio(alice, name="Spring sprint")
    assert enter_competition(user=alice, competition=competition).portfolio.name == "Spring sprint (2)"


def test_its_cash_stays_as_it_is(alice: User, desk: Desk, competition: Competition) -> None:
    inside = enter_competition(user=alice, competition=competition).portfolio
    outside = desk.portfolio(alice)
    for attempt in (
        lambda: deposit(actor=alice, portfolio=inside, amount=Decimal(1)),
        lambda: withdraw(actor=alice, portfolio=inside, amount=Decimal(1)),
        lambda: transfer(actor=alice, source=inside, target=outside, amount=Decimal(1)),
        lambda: transfer(actor=alice, source=outside, target=inside, amount=Decimal(1)),
    ):
        with pytest.raises(DomainError) as refused:
            attempt()
        assert refused.value.code == "CASH_IS_LOCKED"
    amounts = {one.portfolio_id: one.amount for one in Balance.objects.all()}
    assert amounts == {inside.pk: Decimal(1000), outside.pk: Decimal(10_000)}


def test_only_allowed_instruments_are_traded(alice: User, desk: Desk, competition: Competition) -> None:
    portfolio = enter_competition(user=alice, competition=competition).portfolio
    other = desk.instrument("ETH")
    desk.step({other: 10})
    with pytest.raises(DomainError) as refused:
        buy(alice, portfolio, other, "1")
    assert (refused.value.code, Order.objects.count()) == ("INSTRUMENT_NOT_ALLOWED", 0)


def test_a_person_enters_once(alice: User, competition: Competition) -> None:
    entry = enter_competition(user=alice, competition=competition)
    with pytest.raises(DomainError) as refused:
        enter_competition(user=alice, competition=competition)
    assert refused.value.code == "ALREADY_ENTERED"
    assert (list(CompetitionEntry.objects.all()), Portfolio.objects.count()) == ([entry], 1)
    with pytest.raises(IntegrityError):
        CompetitionEntry.objects.create(competition=competition, user=alice, portfolio=entry.portfolio, entered_at=NOON)


@pytest.mark.parametrize(
    ("offset", "code"), [(-timedelta(seconds=1), "COMPETITION_NOT_STARTED"), (HOUR, "COMPETITION_OVER")]
)
def test_it_is_entered_while_it_runs(
    alice: User, operator: User, desk: Desk, facts: dict[str, Any], offset: timedelta, code: str
) -> None:
    later = {"starts_at": NOON + HOUR, "ends_at": NOON + 2 * HOUR}
    competition = create_competition(operator=operator, **(facts | later))
    desk.step({}, at=NOON + HOUR + offset)
    with pytest.raises(DomainError) as refused:
        enter_competition(user=alice, competition=competition)
    assert (refused.value.code, CompetitionEntry.objects.count(), Portfolio.objects.count()) == (code, 0, 0)


# --- ranking and closing --------------------------------------------------------------------------------------------
class Race:
    """alice buys 5 at 100, bob 2, charlie and the operator nothing; then the price moves."""

    def __init__(self, desk: Desk, competition: Competition, instrument: Instrument, people: list[User]) -> None:
        self.desk, self.competition, self.instrument = desk, competition, instrument
        self.entries = [enter_competition(user=one, competition=competition) for one in people]
        for entry, quantity in zip(self.entries, ("5", "2"), strict=False):
            buy(entry.user, entry.portfolio, instrument, quantity)

    def standings(self) -> list[tuple[int, str, Decimal]]:
        competition = selectors.competition_for_reader(self.competition.pk)
        return [(one.rank, one.entry.user.profile.handle, one.equity) for one in selectors.ranking(competition)]


@pytest.fixture
def race(
    desk: Desk,
    competition: Competition,
    btc: Instrument,
    alice: User,
    bob: User,
    charlie: User,
    operator: User,
    working: Working,
) -> Race:
    with working():
        return Race(desk, competition, btc, [alice, bob, charlie, operator])


def test_the_ranking_is_live_and_equals_share_a_rank(race: Race) -> None:
    # 10 bps of fee and 2 bps of slippage: 5 cost 500.10 + 0.5001, 2 cost 200.04 + 0.20004.
    assert race.standings() == [
        (1, "charlie", Decimal(1000)),
        (1, "operator2", Decimal(1000)),
        (3, "bob", Decimal("999.75996")),
        (4, "alice", Decimal("999.3999")),
    ]
    move_to(race.desk, NOON + timedelta(minutes=1), race.instrument, 110)
    assert [(rank, handle, equity) for rank, handle, equity in race.standings()[:2]] == [
        (1, "alice", Decimal("1049.3999")),
        (2, "bob", Decimal("1019.75996")),
    ]


def test_before_its_end_nothing_is_closed(race: Race, desk: Desk) -> None:
    move_to(desk, NOON + HOUR - timedelta(seconds=1), race.instrument, 110)
    assert selectors.has_due_competition(desk.namespace) is False
    close_due_competitions()
    assert close_competition(competition_id=race.competition.pk) is False
    race.competition.refresh_from_db()
    assert race.competition.state == CompetitionState.OPEN
    assert Portfolio.objects.filter(state=PortfolioState.OPEN).count() == 4


def test_at_its_end_all_is_frozen_and_the_result_stored_once(race: Race, desk: Desk, alice: User) -> None:
    move_to(desk, NOON + HOUR, race.instrument, 110)
    assert selectors.has_due_competition(desk.namespace) is True
    close_due_competitions()
    assert selectors.has_due_competition(desk.namespace) is False
    stored = {one.user_id: (one.final_rank, one.final_equity) for one in CompetitionEntry.objects.all()}
    people = [one.user_id for one in race.entries]
    assert [stored[one] for one in people] == [
        (1, Decimal("1049.3999")),
        (2, Decimal("1019.75996")),
        (3, Decimal(1000)),
        (3, Decimal(1000)),
    ]
    assert set(Portfolio.objects.values_list("state", flat=True)) == {PortfolioState.FROZEN}
    before = race.standings()
    move_to(desk, NOON + 2 * HOUR, race.instrument, 50)
    close_due_competitions()
    assert close_competition(competition_id=race.competition.pk) is False
    assert race.standings() == before
    assert AuditEntry.objects.filter(action="competition.closed").count() == 1
    with pytest.raises(DomainError) as refused:
        buy(alice, race.entries[0].portfolio, race.instrument, "1")
    assert refused.value.code == "PORTFOLIO_NOT_OPEN"


def test_runs_of_entrants_stop_with_it_and_no_others(
    alice: User, desk: Desk, btc: Instrument, competition: Competition
) -> None:
    entry = enter_competition(user=alice, competition=competition)
    version = save_strategy(owner=alice, name="Crossing", instruments=[btc], timeframe="5m", face=ema_cross())
    inside = start_run(actor=alice, version=version, portfolio=entry.portfolio)
    outside = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    move_to(desk, NOON + HOUR, btc, 100)
    close_due_competitions()
    states = {one.pk: (one.state, one.stop_code) for one in StrategyRun.objects.all()}
    assert states == {
        inside.pk: (RunState.STOPPED, "COMPETITION_CLOSED"),
        outside.pk: (RunState.RUNNING, ""),
    }


def test_the_end_is_that_of_its_own_market(race: Race) -> None:
    other = Desk()
    other.step({}, at=NOON + 5 * HOUR)
    close_due_competitions()
    race.competition.refresh_from_db()
    assert race.competition.state == CompetitionState.OPEN


def test_one_nobody_entered_is_closed_too(operator: User, desk: Desk, competition: Competition) -> None:
    desk.step({}, at=NOON + HOUR)
    close_due_competitions()
    competition.refresh_from_db()
    assert competition.state == CompetitionState.CLOSED


def test_open_pages_hear_where_everybody_stands(
    alice: User, competition: Competition, django_capture_on_commit_callbacks: Any
) -> None:
    entry = enter_competition(user=alice, competition=competition)
    with bus().listen(CHANNEL) as heard:
        with django_capture_on_commit_callbacks(execute=True):
            publish_rankings()
        received = heard.get(5)
    key = f"entry.{entry.pk}"
    cells = {
        "now": "2 Mar, 12:00",
        "entrants": "1",
        f"{key}.rank": "1",
        f"{key}.equity": "1,000.00",
        f"{key}.return": "0.00%",
    }
    assert received == (CHANNEL, [[f"competition:{competition.pk}", {"cells": cells, "refresh": ["ranking"]}]])
