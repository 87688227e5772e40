"""The publish gate: what a listing must have before anybody else sees it, and what a refusal says.

What can be told at once stands here; what must be computed (does the strategy look ahead?) is a submission's job
(services/checking.py). Rule 39 protects real money: there a profit share waits for 90 days of record. Hypothetical money
shares nothing, so elsewhere a short record is shown as unproven, and that is all.
"""

from __future__ import annotations

from typing import Any

from common import display
from common.clock import market_now
from common.errors import DomainError, NotFound
from engine.decimals import ZERO
from engine.record_length import EXECUTED_RATIO, SHARE_DAYS, whole_days
from engine.statistics.verdict import Bearing
from engine.strategy.inspection import Check
from engine.timeframes import moment
from marketplace.models import Listing, ListingFacts, Offer
from marketplace.publishing.content import Content
from marketplace.publishing.record import execution_of, first_fill_at
from portfolios.models import Portfolio, PortfolioKind
from strategies.models import RunState, StrategyRun, StrategyVersion

_NEEDED = {"risks": "Say what can go wrong.", "conflicts": "Name conflicts of interest, or say that there are none."}


def check_offer(listing: Listing, content: Content) -> None:
    """Raise DomainError, naming the field, where this must not be published as it is."""
    version = None if content.version_id is None else own_version(listing, content)
    _check_disclosures(listing.portfolio, content)
    check_share_allowed(listing.portfolio, content)
    _check_minimum(listing, content)
    if version is not None and content.offer == Offer.STRATEGY:
        _check_execution(listing.portfolio, version)


def own_version(listing: Listing, content: Content) -> StrategyVersion:
    """Return the version that is offered; NotFound for one of somebody else's, also for one that was granted to the owner."""
    versions = StrategyVersion.objects.filter(strategy__owner=listing.owner_id, pk=str(content.version_id))
    found = versions.select_related("strategy", "instrument__market", "instrument__exchange").first()
    if found is None:
        raise NotFound("strategy version")
    if found.instrument.market.namespace != listing.portfolio.namespace:
        message = "This version trades in another market than the portfolio; choose one that proves itself on it."
        raise DomainError("MARKET_MISMATCH", message, {"field": "version"})
    return found


def _check_disclosures(portfolio: Portfolio, content: Content) -> None:
    # Where nothing real is at stake and nothing is handed over, a page may show that nothing was said.
    if content.is_disclosed or (portfolio.kind != PortfolioKind.LIVE and content.offer == Offer.PORTFOLIO):
        return
    for field, message in _NEEDED.items():
        if not getattr(content, field):
            raise DomainError("DISCLOSURE_MISSING", message, {"field": field})
    message = "Say whether your own money is in it."
    raise DomainError("DISCLOSURE_MISSING", message, {"field": "has_own_money"})


def check_share_allowed(portfolio: Portfolio, content: Content) -> None:
    """Refuse a share of real profit to a record of less than 90 days (rule 39)."""
    if portfolio.kind != PortfolioKind.LIVE or content.profit_share_ratio == ZERO:
        return
    days = whole_days(first_fill_at(portfolio), market_now(portfolio.namespace))
    if days < SHARE_DAYS:
        message = (
            f"A profit share needs {SHARE_DAYS} days of record, and this portfolio has {days}: ask for 0 % until then."
        )
        context = {"field": "profit_share", "days": days, "needed": SHARE_DAYS}
        raise DomainError("PROFIT_SHARE_NEEDS_RECORD", message, context, status=409)


def _check_minimum(listing: Listing, content: Content) -> None:
    facts = ListingFacts.objects.filter(listing=listing.pk).first()
    smallest = facts.smallest_capital if facts else None
    if content.suggested_minimum is not None and smallest is not None and content.suggested_minimum < smallest:
        message = (
            f"Below {display.money(smallest)} a copy skips too much to be one; suggest that or more, or leave it empty."
        )
        raise DomainError("MINIMUM_NOT_VIABLE", message, {"field": "suggested_minimum"})


def _check_execution(portfolio: Portfolio, version: StrategyVersion) -> None:
    runs = StrategyRun.objects.filter(portfolio=portfolio, version=version, state=RunState.RUNNING)
    if not runs.exists():
        message = f"{version} does not run on this portfolio: start it there first, or offer the portfolio alone."
        raise DomainError("STRATEGY_NOT_RUNNING", message, {"field": "version"}, status=409)
    done = execution_of(portfolio, version)
    if not done.is_faithful:
        message = (
            f"The portfolio carried out {done.executed} of {done.wished} signals of {version}; at least"
            f" {EXECUTED_RATIO:.0%} are needed, or followers would get another strategy."
        )
        context = {"field": "version", "wished": done.wished, "executed": done.executed}
        raise DomainError("SIGNALS_NOT_EXECUTED", message, context, status=409)


# --- what was computed ----------------------------------------------------------------------------------------------
_SIGNALS = {
    "enter_long": "The entry signal (enter_long)",
    "exit_long": "The exit signal (exit_long)",
    "enter_short": "The short entry signal (enter_short)",
    "exit_short": "The short exit signal (exit_short)",
}


def refusal_of(findings: dict[str, Any]) -> tuple[str, str] | None:
    """Return the code and the words by which the gate refuses what was found of a strategy; None where it passes."""
    if fault := findings.get("fault"):
        return _fault_in_words(fault)
    reasons = [one for one in findings["verdict"]["reasons"] if one["bearing"] == Bearing.DECISIVE]
    if reasons:
        return f"STRATEGY_{reasons[0]['code']}", "On its past it does not hold up. " + " ".join(
            one["text"] for one in reasons
        )
    return None


def _fault_in_words(fault: dict[str, Any]) -> tuple[str, str]:
    at = f"{moment(fault['opened_at']):%Y-%m-%d %H:%M} UTC"
    signal, symbol = _SIGNALS[fault["signal"]], fault["symbol"]
    said, instead = ("on", "off") if fault["said"] else ("off", "on")
    if fault["check"] == Check.LOOK_AHEAD:
        words = (
            f"{signal} looks into the future: at the candle of {symbol} that opened at {at} it is {said} when later"
            f" candles are known, and {instead} when they are not."
        )
        return "LOOKS_AHEAD", words
    words = (
        f"{signal} needs more past than it says: at the candle of {symbol} that opened at {at} it is {said} with all"
        f" of the past, and {instead} with the candles that a run reads."
    )
    return "WARM_UP_TOO_SHORT", words
