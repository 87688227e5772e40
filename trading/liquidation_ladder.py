"""The prices at which positions on margin are liquidated, as a ladder per instrument: a tick costs no query.

Of several cross positions each stands where it would be liquidated if nothing else moved; every look places them anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.db.models import CharField

from common.db import Slot
from common.prepared import Prepared
from engine.decimals import ZERO
from engine.price_ladder import PriceLadder
from portfolios.margin import liquidation_prices, tiers_by_instrument, to_liquidate
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from trading.services.liquidation import liquidate

_ON_MARGIN = Prepared(
    lambda: Portfolio.objects.filter(namespace=Slot("namespace", CharField()), uses_margin=True, account=None)
)


class LiquidationLadder:
    """The liquidation prices of one namespace's paper portfolios, as of the last refresh. (A venue liquidates its own.)"""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all positions."""
        self._ladders: dict[UUID, PriceLadder[UUID]] = {}
        # Reached, and not looked at closely yet; also what broke on the way.
        self._due: set[UUID] = set()

    def refresh(self) -> None:
        """Read what is held on margin now: one statement where nothing ever was, else a constant number."""
        portfolios = _ON_MARGIN.found(namespace=self.namespace)
        ladders: defaultdict[UUID, PriceLadder[UUID]] = defaultdict(PriceLadder)
        if portfolios:
            worth = worth_of(portfolios)
            held = {one.position.instrument_id for mine in worth.values() for one in mine.holdings}
            tiers = tiers_by_instrument(held)
            for pk, mine in worth.items():
                if to_liquidate(mine, tiers):
                    self._due.add(pk)
                prices = liquidation_prices(mine, tiers)
                for one in mine.holdings:
                    if (price := prices.get(one.position.instrument_id)) is not None:
                        ladders[one.position.instrument_id].arm(pk, price, below=one.position.quantity > ZERO)
        self._ladders = dict(ladders)

    def watched(self) -> list[UUID]:
        """Return the instruments in which something could be liquidated."""
        return list(self._ladders)

    def reaches(self, prices: Mapping[UUID, Decimal]) -> bool:
        """Say whether these prices would liquidate something."""
        return bool(self._due) or any(
            self._ladders[pk].reaches(price) for pk, price in prices.items() if pk in self._ladders
        )

    def cross(self, prices: Mapping[UUID, Decimal]) -> None:
        """Take note of the portfolios that these prices may liquidate."""
        for instrument_id, price in prices.items():
            if (ladder := self._ladders.get(instrument_id)) is not None:
                self._due.update(ladder.cross(price))

    def act(self, failures: list[Exception]) -> int:
        """Look closely at what was reached, and return how many positions are liquidated; what breaks is tried again."""
        done = 0
        for portfolio_id in sorted(self._due):
            try:
                done += len(liquidate(portfolio_id=portfolio_id))
                self._due.discard(portfolio_id)
            except Exception as failure:
                failures.append(failure)
        return done
