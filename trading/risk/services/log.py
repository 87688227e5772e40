"""The log of what was denied or cut: one row each, with its figures, for portfolios that have limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial

from common.clock import market_now, wall_now
from common.db import insert_values
from common.errors import DomainError
from common.fields import canonical
from engine.decimals import ZERO, money
from engine.risk import Verdict
from markets.models import Instrument
from portfolios.models import Portfolio
from trading.models import Order
from trading.risk.models import RiskDecision, RiskProfile

_COLUMNS = (
    "portfolio", "instrument", "order", "code", "asked", "allowed", "value", "limit", "happened_at", "recorded_at"
)  # fmt: skip


def keep_decisions(decided: Iterable[tuple[Order, Verdict, datetime]]) -> None:
    """Write down what verdicts with a code did to orders at a moment of market time, in one statement."""
    recorded_at = wall_now()
    insert_values(
        RiskDecision,
        _COLUMNS,
        [
            (
                order.portfolio_id,
                order.instrument_id,
                order.pk,
                verdict.code,
                order.requested_quantity,
                verdict.quantity,
                _stored(verdict.value),
                _stored(verdict.limit),
                at,
                recorded_at,
            )
            for order, verdict, at in decided
        ],
    )


def _stored(figure: Decimal | None) -> Decimal | None:
    return None if figure is None else money(figure)


class RiskRefusal(DomainError):
    """A verdict that denies an order by hand; the context says what there is, and the figures that decided it."""

    def __init__(self, verdict: Verdict, message: str, context: dict[str, str]) -> None:
        figures = {"value": verdict.value, "limit": verdict.limit}
        told = {name: canonical(figure) for name, figure in figures.items() if figure is not None}
        super().__init__(verdict.code, message, context | told, status=409)
        self.verdict = verdict
        self.log: Callable[[], None] | None = None

    def write_again(self) -> None:
        if self.log is not None:
            self.log()


@contextmanager
def keeping_refusals(portfolio: Portfolio, instrument: Instrument, quantity: Decimal) -> Iterator[None]:
    """Write down what risk refuses within the block, once its transaction is undone: of such an order no other row tells."""
    try:
        yield
    except RiskRefusal as refusal:
        # A request under a key has a transaction of its own around this one, which the refusal undoes as well.
        refusal.log = partial(keep_refusal, portfolio, instrument, quantity, refusal)
        refusal.log()
        raise


def keep_refusal(portfolio: Portfolio, instrument: Instrument, quantity: Decimal, refusal: RiskRefusal) -> None:
    """Write down one refusal, where the portfolio has limits."""
    if RiskProfile.objects.filter(portfolio=portfolio).exists():
        figures = map(_stored, (refusal.verdict.value, refusal.verdict.limit))
        times = market_now(portfolio.namespace), wall_now()
        row = (portfolio.pk, instrument.pk, None, refusal.code, quantity, ZERO, *figures, *times)
        insert_values(RiskDecision, _COLUMNS, [row])
