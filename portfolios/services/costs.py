"""What a paper book's trading costs, set by its owner."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.errors import DomainError
from portfolios.costs import CostModel, costs_of, is_on_paper
from portfolios.models import Portfolio
from portfolios.services.books import lock_portfolios


@transaction.atomic
def set_costs(*, actor: User, portfolio: Portfolio, model: CostModel) -> Portfolio:
    """Have a portfolio trade at these costs from now on; what was filled stays as it is, and the same again changes nothing.

    Raises DomainError COST_INVALID, NOT_ON_PAPER (an exchange has its own costs), COSTS_LOCKED (a competition's are the
    same for everybody).
    """
    model.check()
    if not is_on_paper(portfolio):
        message = "This portfolio's orders go to an exchange, which has costs of its own."
        raise DomainError("NOT_ON_PAPER", message, status=409)
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    if locked.cash_is_locked:
        raise DomainError("COSTS_LOCKED", "In a competition everybody trades at the same costs.", status=409)
    before = costs_of(locked)
    if before == model:
        return locked
    locked.maker_fee_bps, locked.taker_fee_bps = model.maker_fee_bps, model.taker_fee_bps
    locked.slippage_bps = model.slippage_bps
    locked.latency_ms, locked.latency_jitter_ms = int(model.latency_ms), int(model.latency_jitter_ms)
    locked.save(update_fields=["maker_fee_bps", "taker_fee_bps", "slippage_bps", "latency_ms", "latency_jitter_ms"])
    audit(action="portfolio.costs", obj=locked, actor=actor, before=before.figures(), after=model.figures())
    return locked
