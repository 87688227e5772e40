"""Reads of risk: how a portfolio stands by its limits, and the log of what was denied or cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from common.clock import market_now
from engine.decimals import ZERO
from engine.risk import Limits, RiskFacts
from engine.risk.limits import Group
from engine.risk.usage import Concentration, Usage, usage_of
from engine.risk.watching import worst_loss
from markets.models import Instrument
from markets.selectors import bases_of, instruments_by_id
from portfolios.models import Portfolio
from portfolios.selectors import Worth, worth_of
from trading.models import Order, SafetyLevel, SafetySwitch, ScopeKind
from trading.risk.correlations import correlations
from trading.risk.facts import (
    Book,
    add_in_flight,
    book_of,
    count_orders,
    facts_of_book,
    held_of,
    limits_of,
    profiles_of,
)
from trading.risk.models import RiskDecision, RiskProfile
from trading.selectors import counts_for, switch_of


@dataclass(frozen=True, slots=True)
class Standing:
    """How a portfolio stands: its limits (None: it has none), what is used of each, and what it is switched to."""

    portfolio: Portfolio
    worth: Worth
    profile: RiskProfile | None
    limits: Limits
    usages: tuple[Usage, ...]
    switch: SafetySwitch | None
    # The stricter of its owner's own switch and the platform's, where one of them is not ACTIVE.
    above: SafetySwitch | None

    @property
    def level(self) -> str:
        """Return the portfolio's own level; a pause that is over counts no more."""
        return self.switch.level if self.switch else SafetyLevel.ACTIVE

    def groups(self) -> list[tuple[str, list[Usage]]]:
        """Return what is used by the headings of the page."""
        found = [(group.value, [one for one in self.usages if one.spec.group == group]) for group in Group]
        return [(title, usages) for title, usages in found if usages]


def standing_of(portfolio: Portfolio) -> Standing:
    """Return how a portfolio stands at the newest prices, in a constant number of statements."""
    profile = profiles_of([portfolio.pk]).get(portfolio.pk)
    worth = worth_of([portfolio])[portfolio.pk]
    usages: list[Usage] = []
    if profile is not None:
        book = book_of(profile, portfolio, worth, market_now(portfolio.namespace))
        usages = usage_of(*_facts(portfolio, book))
    switch = switch_of(ScopeKind.PORTFOLIO, str(portfolio.pk))
    if switch is not None and switch.until is not None and switch.until <= market_now(portfolio.namespace):
        switch = None
    limits = limits_of(profile) if profile else Limits()
    return Standing(portfolio, worth, profile, limits, tuple(usages), switch, _above(portfolio))


def _facts(portfolio: Portfolio, book: Book) -> tuple[RiskFacts, Concentration]:
    books = {portfolio.pk: book}
    add_in_flight(books)
    count_orders(books)
    known, bases = instruments_by_id(book.exposure), bases_of(book.exposure)
    pairs = correlations([portfolio.namespace], bases.values())
    each = [facts_of_book(book, one, bases, pairs) for one in known.values()]
    most = Concentration(
        instrument=_most(one.instrument_exposure for one in each),
        asset=_most(one.asset_exposure for one in each),
        correlated=_most(one.correlated_exposure for one in each),
        worst_loss=worst_loss(held_of(book.worth)),
        free=book.worth.free,
    )
    return each[0] if each else facts_of_book(book, Instrument(), {}, {}), most


def _most(figures: Iterable[Decimal]) -> Decimal:
    return max(figures, default=ZERO)


def _above(portfolio: Portfolio) -> SafetySwitch | None:
    scopes = {(ScopeKind.PLATFORM, ""), (ScopeKind.USER, str(portfolio.owner_id))}
    found = SafetySwitch.objects.filter(scope__in=[ScopeKind.PLATFORM, ScopeKind.USER]).exclude(
        level=SafetyLevel.ACTIVE
    )
    named = [one for one in found if (one.scope, one.scope_id) in scopes]
    mine = [one for one in named if counts_for(one.scope, one.scope_id, one.set_by_id, portfolio)]
    return min(mine, key=lambda one: (one.level != SafetyLevel.HALTED, one.scope), default=None)


def decisions_of(portfolio: Portfolio) -> QuerySet[RiskDecision]:
    """Return what was denied or cut in a portfolio, newest first, with what showing it needs."""
    related = ("instrument__market", "order")
    return RiskDecision.objects.filter(portfolio=portfolio).select_related(*related).order_by("-pk")


def decision_on(order: Order) -> RiskDecision | None:
    """Return what the log says of an order; None where its portfolio had no limits when it was judged."""
    # By the portfolio, whose log is indexed: an order has one line there, and it is among those of its time.
    return RiskDecision.objects.filter(portfolio=order.portfolio_id, order=order).order_by("-pk").first()
