"""A run's life: started on a portfolio, deciding once on each closed candle, stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import redis
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit
from common.bus import bus
from common.clock import market_now
from common.db import lock_rows, move_on
from common.errors import DomainError, NotFound
from common.realtime import publish
from engine.candles import Candles
from engine.decimals import ZERO
from engine.timeframes import candle_start, milliseconds, moment, timeframe_ms
from markets.history import missing_stretches
from markets.models import Instrument, InstrumentState
from markets.prices import Price, latest_prices
from markets.selectors import candle_arrays
from markets.services import request_backfill
from portfolios.models import Portfolio, PortfolioState, Position
from portfolios.selectors import worth_of
from portfolios.services.books import lock_portfolios
from strategies.grants.selectors import SEALED_WORDS, grant_has_ended, is_sealed_for, may_use
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from strategies.plans import Plan, not_yet_live, plan_of
from strategies.selectors import is_halted, is_reducing, loading_past, runs, versions
from strategies.selectors.runs import SERIES, acting_run, series_of
from trading.models import UNFINISHED, CauseKind, Leg, Order, Side
from trading.selectors import is_following
from trading.services.orders import Cause, submit_order

logger = logging.getLogger(__name__)
STOPPED_BY_OWNER = "STOPPED_BY_OWNER"


@transaction.atomic
def start_run(*, actor: User, version: StrategyVersion, portfolio: Portfolio) -> StrategyRun:
    """Put a version to work on a portfolio; it decides from the next candle that closes on (by market time)."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    Strategy.objects.select_for_update(no_key=True).get(pk=version.strategy_id)
    # Read again under the lock: an edit may have changed the version since.
    version = versions().get(pk=version.pk)
    if locked.owner_id != actor.pk or not may_use(actor, version):
        raise NotFound("strategy version or portfolio")
    _refuse_unfit(version.instrument, locked)
    _refuse_not_yet_live(actor, version)
    check_limit(actor, LimitName.RUNNING_RUNS, _running().filter(portfolio__owner=actor).count())
    now = market_now(locked.namespace)
    run = StrategyRun.objects.create(
        version=version,
        portfolio=locked,
        instrument=version.instrument,
        timeframe=version.timeframe,
        decided_until=moment(candle_start(milliseconds(now), version.timeframe) - timeframe_ms(version.timeframe)),
        started_at=now,
    )
    _ask_for_past(run)
    _tell_of_change(run)
    audit(action="run.started", obj=run, actor=actor, after={"version": str(version.pk), "portfolio": str(locked.pk)})
    publish([(f"portfolio:{locked.pk}", {"refresh": ["runs"]})])
    return run


def _tell_of_change(run: StrategyRun) -> None:
    """Have every process ask anew, after the commit, who runs on this series."""
    series = series_of(run.instrument_id, run.timeframe)

    def tell() -> None:
        try:
            bus().board_put(SERIES, {series: f"{run.pk}:{run.state}"})
        except (redis.RedisError, OSError):
            logger.warning("The bus is away: who runs on %s is asked anew within a minute.", series, exc_info=True)

    transaction.on_commit(tell)


def _running() -> QuerySet[StrategyRun]:
    return StrategyRun.objects.filter(state=RunState.RUNNING)


def _refuse_unfit(instrument: Instrument, portfolio: Portfolio) -> None:
    symbol, market = instrument.symbol, instrument.market
    if portfolio.state != PortfolioState.OPEN:
        raise DomainError("PORTFOLIO_NOT_OPEN", "This portfolio is frozen or closed; choose an open one.", status=409)
    if is_following(portfolio):
        message = "This portfolio copies a lead; run the strategy on another one."
        raise DomainError("PORTFOLIO_IS_FOLLOWING", message, status=409)
    if market.namespace != portfolio.namespace:
        message = f"{symbol} is traded in another market; choose a portfolio of {instrument.exchange}."
        raise DomainError("MARKET_MISMATCH", message)
    if market.quote_id != portfolio.settlement_id:
        message = f"{symbol} settles in {market.quote_id}; choose a portfolio in {market.quote_id}."
        raise DomainError("QUOTE_MISMATCH", message)
    if instrument.state != InstrumentState.ACTIVE:
        raise DomainError("INSTRUMENT_NOT_TRADABLE", f"{symbol} is no longer traded here; edit the strategy first.")
    if portfolio.is_restricted and not portfolio.allowed_instruments.filter(pk=instrument.pk).exists():
        message = f"This portfolio may not trade {symbol}; choose another portfolio."
        raise DomainError("INSTRUMENT_NOT_ALLOWED", message)
    if _running().filter(portfolio=portfolio, instrument=instrument).exists():
        message = f"A run trades {symbol} in this portfolio already; stop it first."
        raise DomainError("RUN_EXISTS", message, status=409)


def _refuse_not_yet_live(actor: User, version: StrategyVersion) -> None:
    """A run that did only a part of what its author tried on the past would be another strategy."""
    parts = not_yet_live(plan_of(version).graph)
    if version.further.exists():
        parts.insert(0, "several instruments")
    if parts and is_sealed_for(actor.pk, version):
        message = f"It does what runs cannot do yet: it can be backtested. {SEALED_WORDS}"
        raise DomainError("NOT_YET_LIVE", message)
    if parts:
        uses = ", ".join(parts)
        message = f"It uses {uses}, which runs cannot do yet: it can be backtested, or edited and then started."
        raise DomainError("NOT_YET_LIVE", message, {"parts": parts})


def _ask_for_past(run: StrategyRun) -> None:
    """Have the candles loaded that the first decision needs and that are not there, where there is a venue to ask."""
    if not run.instrument.exchange.dialect:
        return
    length = timedelta(milliseconds=timeframe_ms(run.timeframe))
    start = run.decided_until - plan_of(run.version).history * length
    if missing_stretches(run.instrument, run.timeframe, start, run.decided_until + length):
        request_backfill(instrument=run.instrument, timeframe=run.timeframe, start=start)


def stop_run(*, actor: User, run: StrategyRun) -> StrategyRun:
    """Stop a run: it decides no more. What it holds stays open, and its stops stay armed. A repeat is a no-op."""
    stop_runs(run_ids=[run.pk], code=STOPPED_BY_OWNER, actor=actor)
    return runs().get(pk=run.pk)


@transaction.atomic
def stop_runs(*, run_ids: Iterable[UUID], code: str, actor: User | None = None) -> int:
    """Stop those of the runs that are running, saying why; return how many. Without an actor the platform does it."""
    stopped = lock_rows(_running().filter(pk__in=list(run_ids)).select_related("portfolio"))
    for run in stopped:
        run.state, run.stop_code, run.stopped_at = RunState.STOPPED, code, market_now(run.portfolio.namespace)
        run.save(update_fields=["state", "stop_code", "stopped_at"])
        _tell_of_change(run)
        audit(action="run.stopped", obj=run, actor=actor, after={"code": code})
    publish([(f"portfolio:{run.portfolio_id}", {"refresh": ["runs"]}) for run in stopped])
    return len(stopped)


def decide(*, run: StrategyRun) -> None:
    """Decide on the newest closed candle, if the run has not yet: `decided_until` and the order, one transaction.

    The candle is taken by a conditional UPDATE: a repeat, or another worker at the same time, finds it decided. Candles
    missed while nobody decided are not acted on: their prices are gone. Without a signal that UPDATE is all, since a
    replay asks at every candle.
    """
    plan = plan_of(run.version)
    candles = candle_arrays(run.instrument, run.timeframe, count=plan.history)
    if not len(candles) or moment(int(candles.opened_at[-1])) <= run.decided_until:
        return
    if _waits_for_past(run, plan, candles):
        return  # left undecided: the sweeper asks again
    run.decided_until = moment(int(candles.opened_at[-1]))
    side = plan.wish(candles, run.timeframe)
    if side is None:
        _take_candle(run)
        return
    price = latest_prices([run.instrument]).get(run.instrument_id)
    if price is None:
        return  # left undecided: the sweeper asks again when there is a price
    with transaction.atomic():
        if _take_candle(run) and not is_halted(whole := acting_run(run.pk)):
            _act(whole, plan, candles, side, price)


def _waits_for_past(run: StrategyRun, plan: Plan, candles: Candles) -> bool:
    """Say whether candles are missing that are being loaded: a decision without them would be another one.

    What nobody loads is not waited for: a venue may not have it.
    """
    length = timeframe_ms(run.timeframe)
    is_whole = (
        len(candles) == plan.history and candles.opened_at[-1] - candles.opened_at[0] == (len(candles) - 1) * length
    )
    return not is_whole and loading_past(run) is not None


def _take_candle(run: StrategyRun) -> bool:
    """Claim the run's decision on the candle at `decided_until`; False where it is made already or the run has stopped."""
    return move_on(run, "decided_until", still=("state", RunState.RUNNING))


def _act(run: StrategyRun, plan: Plan, candles: Candles, side: Side, price: Price) -> None:
    position = Position.objects.filter(portfolio=run.portfolio_id, instrument=run.instrument_id).first()
    held = position.quantity if position else ZERO
    cause = Cause(CauseKind.RUN, f"{run.pk}:{run.decided_until.isoformat()}")
    if side == Side.SELL and held > 0:
        submit_order(
            portfolio=run.portfolio,
            instrument=run.instrument,
            side=Side.SELL,
            leg=Leg.CLOSE,
            quantity=held,
            cause=cause,
            closed_fraction=Decimal(1),
        )
    elif side == Side.BUY and not held and not _is_trading(run):
        _enter(run, plan, candles, cause, price)


def _is_trading(run: StrategyRun) -> bool:
    """Say whether an order of this portfolio and instrument is still under way: it may yet become a position."""
    under_way = Order.objects.filter(portfolio=run.portfolio_id, instrument=run.instrument_id, state__in=UNFINISHED)
    return under_way.exists()


def _enter(run: StrategyRun, plan: Plan, candles: Candles, cause: Cause, price: Price) -> None:
    equity = worth_of([run.portfolio], {run.instrument_id: price})[run.portfolio_id].equity
    if equity <= 0:
        return
    lot_step = run.instrument.lot_step
    quantity = plan.quantity(equity=equity, price=price.price, candles=candles, lot_step=lot_step)
    if quantity <= 0:
        return
    submit_order(
        portfolio=run.portfolio,
        instrument=run.instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=quantity,
        cause=cause,
        stop_loss_ratio=plan.stop_loss,
        denied=_denied(run),
    )


def _denied(run: StrategyRun) -> str:
    """Return why a run may open nothing; its exits go on."""
    if is_reducing(run):
        return "TRADING_REDUCING"
    return "GRANT_ENDED" if grant_has_ended(run) else ""


def decide_each(*, due: Iterable[StrategyRun]) -> None:
    """Decide for every run; one that fails does not keep the others from deciding, and is raised at the end."""
    failures: list[Exception] = []
    for run in due:
        try:
            decide(run=run)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("Some runs could not decide.", failures)
