"""The page at /: how one's own things stand, and for strangers what this is. It reads from every floor, so it stands above them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from marketplace.billing.offers import cheapest_words
from marketplace.curves import recent_curves
from marketplace.selectors import leaderboard, published_kinds
from portfolios.selectors import portfolios_of, worth_of
from strategies.models import RunState
from strategies.selectors import runs_of
from trading.models import UNFINISHED_FOLLOW
from trading.selectors import follows_of

# So many of the best listings of a kind does a stranger see.
BEST = 3


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        return _own_things(request, request.user)
    return _what_this_is(request)


def _own_things(request: HttpRequest, user: User) -> HttpResponse:
    portfolios = list(portfolios_of(user))
    worth = worth_of(portfolios)
    follows = list(follows_of(user).filter(state__in=UNFINISHED_FOLLOW))
    following = {one.portfolio_id for one in follows}
    facts = {
        "portfolios": [(one, worth[one.pk]) for one in portfolios if one.pk not in following],
        "follows": [(one, worth[one.portfolio_id]) for one in follows],
        "runs": runs_of(user).filter(state=RunState.RUNNING),
    }
    return render(request, "home.html", facts)


def _what_this_is(request: HttpRequest) -> HttpResponse:
    # Kind by kind: a return on made-up prices says nothing beside one on real ones.
    best = {kind: leaderboard(kind)[:BEST] for kind in published_kinds()}
    shown = [listing for listings in best.values() for listing in listings]
    curves, prices = recent_curves(shown, None), cheapest_words([one.pk for one in shown])
    groups = [
        (kind, [(one, curves[one.pk], prices.get(one.pk)) for one in listings]) for kind, listings in best.items()
    ]
    return render(request, "home_visitor.html", {"groups": groups})
