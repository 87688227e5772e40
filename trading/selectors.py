"""Reads of orders, fills and follows, their gates, and the proof that trading's rows agree with the books."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.teams.models import Permission
from accounts.teams.selectors import role_forbids
from common.errors import NotFound
from engine.decimals import ZERO
from markets.models import Instrument, InstrumentState
from markets.selectors import instruments
from portfolios.access import Asker, note_role, reachable, token_reach, user_id_of
from portfolios.models import ExchangeAccount, LedgerLine, Portfolio, PortfolioState, Position
from portfolios.selectors import instruments_for, ledger_of, portfolios_of
from trading.models import (
    RESTING,
    UNFINISHED,
    UNFINISHED_FOLLOW,
    CauseKind,
    Fill,
    Follow,
    ForeignFill,
    Order,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
)
from trading.template_models import OrderTemplate

Row = TypeVar("Row", bound=Model)


def order_for_user(user: Asker, order_id: UUID | str, may: str = Permission.VIEW) -> Order:
    """The gate: an order of a portfolio with which the user may do this; NotFound, or 403 ROLE_FORBIDS if they may only look."""
    return row_for_user(user, orders(), order_id, "order", may)


def fill_for_user(user: Asker, fill_id: UUID | str) -> Fill:
    """The gate: a fill of a portfolio that the user may see, or NotFound."""
    return row_for_user(user, fills(), fill_id, "fill", Permission.VIEW)


def follow_for_user(user: Asker, follow_id: UUID | str, may: str = Permission.FOLLOW) -> Follow:
    """The gate: a follow whose portfolio the user may do this with, or NotFound (also for its lead)."""
    return row_for_user(user, follows(), follow_id, "follow", may)


def row_for_user(user: Asker, rows: QuerySet[Row], key: UUID | str, what: str, may: str) -> Row:
    """Return a row of a portfolio with which the user may do this; NotFound, or 403 ROLE_FORBIDS if they may only look."""
    try:
        found = rows.filter(reachable(user, may, "portfolio__"), pk=UUID(str(key))).first()
    except ValueError:
        raise NotFound(what) from None
    if found is None:
        if may != Permission.VIEW and rows.filter(reachable(user, prefix="portfolio__"), pk=key).exists():
            raise role_forbids(may)
        raise NotFound(what)
    note_role(user, found.portfolio)  # type: ignore[attr-defined]  # rows of a portfolio, by what is asked above
    return found


def _own(rows: QuerySet[Row], key: UUID | str, what: str) -> Row:
    try:
        found = rows.filter(pk=UUID(str(key))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(what)
    return found


MAX_SCOPE_ID = 64
_OF_ROWS = (ScopeKind.USER, ScopeKind.PORTFOLIO, ScopeKind.LEAD, ScopeKind.FOLLOW)


def is_scope(scope: str, scope_id: str) -> bool:
    """Say whether this can name something that has a switch: the platform without an id, all else with one of its kind."""
    if scope not in ScopeKind.values or (scope == ScopeKind.PLATFORM) != (scope_id == ""):
        return False
    if scope in _OF_ROWS and _uuid(scope_id) is None:
        return False
    return len(scope_id) <= MAX_SCOPE_ID and scope_id.isprintable()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def is_own_scope(user: Asker, scope: ScopeKind, scope_id: str) -> bool:
    """The gate of safety: say whether a scope is the user themselves, or a portfolio or follow that they may trade."""
    user_id = user_id_of(user)
    key = _uuid(scope_id)
    if user_id is None or key is None:
        return False
    own: dict[ScopeKind, QuerySet[Portfolio] | QuerySet[Follow]] = {
        ScopeKind.PORTFOLIO: Portfolio.objects.filter(reachable(user, Permission.TRADE)),
        ScopeKind.FOLLOW: Follow.objects.filter(reachable(user, Permission.FOLLOW, "portfolio__")),
    }
    if scope == ScopeKind.USER:
        # All that is somebody's is more than a token reaches that is limited to some of it.
        return key == user_id and not token_reach(user)
    return scope in own and own[scope].filter(pk=key).exists()


def counts_for(scope: str, scope_id: str, set_by: UUID | None, portfolio: Portfolio) -> bool:
    """Say whether a switch of one of a portfolio's scopes counts for it: a person's own does not reach into workspaces.

    There the roles say who halts; what an operator has set counts for all of a person's portfolios.
    """
    return scope != ScopeKind.USER or portfolio.workspace_id is None or str(set_by) != scope_id


def of_person(actor: User, user_id: str) -> Q:
    """Return the condition for rows of the portfolios that a USER scope means to the actor, as in `counts_for`."""
    theirs = Q(portfolio__owner_id=user_id)
    return theirs & Q(portfolio__workspace=None) if str(actor.pk) == user_id else theirs


def switch_of(scope: ScopeKind, scope_id: str) -> SafetySwitch | None:
    """Return a scope's switch; None where nobody has ever touched it, which means ACTIVE."""
    return SafetySwitch.objects.filter(scope=scope, scope_id=scope_id).first()


def orders() -> QuerySet[Order]:
    """Return orders with what showing them needs, newest first."""
    return Order.objects.select_related("portfolio", "instrument__market", "instrument__exchange").order_by("-pk")


def fills() -> QuerySet[Fill]:
    """Return fills with what showing them needs, newest first."""
    return Fill.objects.select_related("portfolio", "order", "instrument__market", "instrument__exchange").order_by(
        "-pk"
    )


def follows() -> QuerySet[Follow]:
    """Return follows with what showing them needs, newest first."""
    return Follow.objects.select_related("lead__owner__profile", "portfolio__settlement", "consent").order_by("-pk")


def orders_of(portfolio: Portfolio) -> QuerySet[Order]:
    return orders().filter(portfolio=portfolio)


def fills_of(portfolio: Portfolio) -> QuerySet[Fill]:
    return fills().filter(portfolio=portfolio)


def orders_of_user(user: User) -> QuerySet[Order]:
    """Return the orders of all portfolios that the user may see, newest first."""
    return orders().filter(reachable(user, prefix="portfolio__"))


def fills_of_user(user: User) -> QuerySet[Fill]:
    """Return the fills of all portfolios that the user may see, newest first."""
    return fills().filter(reachable(user, prefix="portfolio__"))


def follows_of(user: User) -> QuerySet[Follow]:
    """Return the user's own follows, stopped ones included, newest first."""
    return follows().filter(token_reach(user), follower=user)


def follow_of(portfolio: Portfolio) -> Follow | None:
    """Return the follow that the portfolio was made for, stopped or not."""
    return follows().filter(portfolio=portfolio).first()


def ordered_instruments(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return the instruments that the portfolio has ever had an order in, by exchange and symbol."""
    return instruments().filter(pk__in=Order.objects.filter(portfolio=portfolio).values("instrument"))


def entries_of_order(order: Order) -> QuerySet[LedgerLine]:
    """Return the ledger lines of an order, newest first: of its holds and of its fills."""
    fills = Fill.objects.filter(order=order).values("pk")
    of_order = Q(order_id=order.pk) | Q(booking_id__in=fills)
    return ledger_of(order.portfolio).filter(of_order)


def orders_behind(lines: Iterable[LedgerLine]) -> dict[UUID, Order]:
    """Return the orders that ledger lines belong to, by what the lines know: an order's id, or its fill's."""
    listed = list(lines)
    fills = dict(Fill.objects.filter(pk__in={one.booking_id for one in listed}).values_list("pk", "order_id"))
    held = {one.order_id for one in listed if one.order_id is not None}
    found = orders().in_bulk(held | set(fills.values()))
    return {pk: found[pk] for pk in held if pk in found} | {pk: found[order_id] for pk, order_id in fills.items()}


def ticket_instruments(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return what an order of the portfolio may name: what it may open, and what it holds and may therefore sell."""
    held = Position.objects.filter(portfolio=portfolio).exclude(quantity=ZERO).values("instrument")
    return instruments().filter(Q(pk__in=instruments_for(portfolio).values("pk")) | Q(pk__in=held))


def markers(portfolio: Portfolio, instrument: Instrument, limit: int = 500) -> list[dict[str, object]]:
    """Return the portfolio's fills in an instrument as chart markers (time in seconds), oldest first."""
    rows = Fill.objects.filter(portfolio=portfolio, instrument=instrument).order_by("-pk")[:limit]
    return [
        {
            "time": int(row.happened_at.timestamp()),
            "side": row.side.lower(),
            "text": f"{row.quantity.normalize():f} @ {row.price.normalize():f}",
        }
        for row in reversed(rows)
    ]


def is_following(portfolio: Portfolio) -> bool:
    """Say whether the portfolio belongs to an unfinished follow: then it is neither led from nor traded by hand."""
    return Follow.objects.filter(portfolio=portfolio, state__in=UNFINISHED_FOLLOW).exists()


def free_portfolios_of(user: User) -> QuerySet[Portfolio]:
    """Return the user's own open portfolios that belong to no unfinished follow: those that may trade, lead or fund.

    Those of a workspace are among them where the user is the one who answers for them, and may manage them there.
    """
    following = Follow.objects.filter(portfolio=OuterRef("pk"), state__in=UNFINISHED_FOLLOW)
    mine = portfolios_of(user, Permission.MANAGE).filter(owner=user)
    return mine.filter(~Exists(following), state=PortfolioState.OPEN)


def follows_in_circle(*, follower: User, lead_owner_id: UUID) -> bool:
    """Say whether the lead's owner follows this follower, directly or through others."""
    seen: set[UUID] = set()
    frontier = {lead_owner_id}
    while frontier:
        if follower.pk in frontier:
            return True
        seen |= frontier
        led = Follow.objects.filter(follower_id__in=frontier, state__in=UNFINISHED_FOLLOW).values_list(
            "lead__owner_id", flat=True
        )
        frontier = set(led) - seen
    return False


def platform_switch() -> SafetySwitch | None:
    """Return the platform's switch; None where nobody has ever touched it, which means ACTIVE."""
    return switch_of(ScopeKind.PLATFORM, "")


def platform_level() -> str:
    """Return the platform's safety level."""
    switch = platform_switch()
    return switch.level if switch else SafetyLevel.ACTIVE


def open_orders_of(portfolio: Portfolio) -> QuerySet[Order]:
    """Return the portfolio's orders that wait for a price, newest first."""
    return orders_of(portfolio).filter(state__in=RESTING)


def waiting_by_hand(
    user: User, portfolio: Portfolio | None = None, account: ExchangeAccount | None = None
) -> QuerySet[Order]:
    """Return, of a portfolio or an account past its gate, or of all the user's own, what is theirs to cancel.

    That is orders by hand, what guards their fills, and their plans', that have not ended.
    """
    theirs = [CauseKind.HAND, CauseKind.BRACKET, CauseKind.PLAN]
    waiting = Order.objects.filter(follow=None, cause_kind__in=theirs, state__in=UNFINISHED)
    if account is not None:
        # Of one's account there may be portfolios in a workspace where one only looks.
        waiting = waiting.filter(reachable(user, Permission.TRADE, "portfolio__"), portfolio__account=account)
    if portfolio is not None:
        waiting = waiting.filter(portfolio=portfolio)
    if portfolio is not None or account is not None:
        return waiting
    # Those of a workspace only where they are named: "everything" is not to end what others work on.
    return waiting.filter(token_reach(user), portfolio__owner=user, portfolio__workspace=None)


def order_templates_of(user: User) -> QuerySet[OrderTemplate]:
    """Return the user's order templates with their instruments, by name."""
    related = ("instrument__market", "instrument__exchange")
    return OrderTemplate.objects.filter(owner=user).select_related(*related).order_by("name", "pk")


def order_template_for_user(user: Asker, template_id: UUID | str) -> OrderTemplate:
    """The gate: return the user's own template, or NotFound for anybody else's and for none."""
    found = OrderTemplate.objects.select_related("instrument__market", "instrument__exchange")
    return _own(found.filter(owner_id=user_id_of(user)), template_id, "order template")


def template_instruments(user: User) -> QuerySet[Instrument]:
    """Return what a template may name: what is traded in the markets and currencies of the user's portfolios."""
    mine = portfolios_of(user, Permission.TRADE)
    found = instruments().filter(state=InstrumentState.ACTIVE)
    return found.filter(
        market__namespace__in=mine.values("namespace"), market__quote__in=mine.values("settlement")
    ) | instruments().filter(pk__in=OrderTemplate.objects.filter(owner=user).values("instrument"))


def foreign_fills_of(account: ExchangeAccount) -> QuerySet[ForeignFill]:
    """Return what an account traded that no order of ours asked for, newest first."""
    found = ForeignFill.objects.filter(account=account).select_related("instrument", "assigned_to__portfolio")
    return found.order_by("-happened_at", "-pk")


def foreign_fill_for_user(user: Asker, fill_id: UUID | str) -> ForeignFill:
    """The gate: return such a fill of one of the user's own accounts, or NotFound for anybody else's and for none."""
    found = ForeignFill.objects.select_related("account").filter(pk=fill_id).first()
    if found is not None and user is not None and user.is_authenticated and found.account.owner_id == user.pk:
        return found
    raise NotFound("trade")
