"""The prices at which a portfolio that holds one thing breaks a limit, as a ladder per instrument: a tick costs no query.

What holds several things, or nothing, is looked at every few seconds by the task `trading.watch_risk`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from common.clock import market_now
from engine.decimals import ZERO
from engine.price_ladder import PriceLadder
from engine.risk.marks import moved
from engine.risk.watching import breaking_price
from portfolios.models import Portfolio
from portfolios.selectors import Worth, worth_of
from trading.models import SafetyLevel, SafetySwitch, ScopeKind
from trading.risk.facts import held_of, limits_of, marks_of
from trading.risk.models import RiskProfile
from trading.risk.services.watching import watch_portfolios


class RiskLadder:
    """The breaking prices of one namespace, as of the last refresh."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._ladders: dict[UUID, PriceLadder[UUID]] = {}

    def refresh(self) -> None:
        """Read what portfolios with limits hold now: one statement where there are none, else a constant number."""
        ladders: defaultdict[UUID, PriceLadder[UUID]] = defaultdict(PriceLadder)
        for instrument_id, portfolio_id, price, below in self._breaking():
            ladders[instrument_id].arm(portfolio_id, price, below=below)
        self._ladders = dict(ladders)

    def meet(self, prices: Mapping[UUID, Decimal]) -> list[UUID]:
        """Look closely at the portfolios whose breaking price is reached; return those that do break a limit."""
        reached: list[UUID] = []
        for instrument_id, price in prices.items():
            if (ladder := self._ladders.get(instrument_id)) is not None:
                reached += ladder.cross(price)
        return watch_portfolios(portfolio_ids=reached) if reached else []

    def _breaking(self) -> list[tuple[UUID, UUID, Decimal, bool]]:
        profiles = {
            one.portfolio_id: one
            for one in RiskProfile.objects.filter(portfolio__namespace=self.namespace).select_related(
                "state", "portfolio"
            )
        }
        if not profiles:
            return []
        paused = SafetySwitch.objects.filter(scope=ScopeKind.PORTFOLIO).exclude(level=SafetyLevel.ACTIVE)
        quiet = set(paused.values_list("scope_id", flat=True))
        watched = [one.portfolio for one in profiles.values() if str(one.portfolio_id) not in quiet]
        worth = worth_of(watched)
        found = []
        for portfolio in watched:
            mine = worth[portfolio.pk]
            if len(mine.holdings) == 1 and (price := self._price(profiles[portfolio.pk], portfolio, mine)) is not None:
                position = mine.holdings[0].position
                found.append((position.instrument_id, portfolio.pk, price, position.quantity > ZERO))
        return found

    def _price(self, profile: RiskProfile, portfolio: Portfolio, worth: Worth) -> Decimal | None:
        now = market_now(self.namespace)
        marks = moved(marks_of(profile.state), now, worth.equity, portfolio.net_deposits)
        held = held_of(worth)[0]
        # All that does not move with the price: cash, and of a position on margin less what it was opened for.
        return breaking_price(limits_of(profile), marks, worth.equity - held.value, held)
