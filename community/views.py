"""The community pages: the leaderboard, competitions, public profiles. Everybody may look."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.selectors import profile_by_handle
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from community import selectors
from community.forms import CompetitionForm, ExchangeForm
from community.services.competitions import create_competition, enter_competition
from marketplace.billing.offers import cheapest_words
from marketplace.curves import recent_curves, tell_newest
from marketplace.selectors import leaderboard as ranked_listings
from marketplace.selectors import published, published_kinds
from marketplace.tabs import kind_tabs
from markets.selectors import exchange_by_code

PAGE_SIZE = 24
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The best listings of one kind: kinds are never mixed."""
    kinds = published_kinds()
    asked = request.GET.get("kind")
    kind = asked if asked in kinds else next(iter(kinds), None)
    facts = {
        "kind": kind,
        "listings": ranked_listings(kind) if kind else [],
        "tabs": kind_tabs(reverse("community:leaderboard"), kinds, kind),
    }
    return render(request, "community/leaderboard.html", facts)


@require_safe
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    person = profile_by_handle(handle)
    listings = list(published().filter(owner=person.user_id))
    tell_newest(listings, request.user)
    curves, prices = recent_curves(listings, request.user), cheapest_words([one.pk for one in listings])
    facts = {
        "person": person,
        "cards": [(one, curves[one.pk], prices.get(one.pk)) for one in listings],
        "entries": selectors.entries_of(person.user),
        "is_own": request.user.pk == person.user_id,
    }
    return render(request, "community/profile.html", facts)


@require_safe
def competitions(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.competitions(), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(one, selectors.phase_of(one)) for one in page]
    return render(request, "community/competitions.html", {"page": page, "rows": rows})


@require_safe
def competition(request: HttpRequest, competition_id: UUID) -> HttpResponse:
    found = selectors.competition_for_reader(competition_id)
    facts = {
        "competition": found,
        "phase": selectors.phase_of(found),
        "standings": selectors.ranking(found),
        "entry": selectors.entry_of(request.user, found),
        "instruments": found.allowed_instruments.select_related("market").order_by("symbol"),
    }
    # The live page fetches the part that changed; the whole page is for everybody else.
    parts = {"competition-state": "community/_competition_state.html", "ranking": "community/_ranking.html"}
    template = parts.get(request.headers.get("HX-Target", ""), "community/competition.html")
    return render(request, template, facts)


@require_POST
@login_required
def enter(request: SignedInRequest, competition_id: UUID) -> HttpResponse:
    found = selectors.competition_for_reader(competition_id)
    try:
        entry = enter_competition(user=request.user, competition=found)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("community:competition", found.pk)
    messages.success(request, "You are in. This is your portfolio for the competition.")
    return redirect("portfolios:detail", entry.portfolio_id)


@READ_OR_WRITE
@login_required
def new_competition(request: SignedInRequest) -> HttpResponse:
    """Set up a competition: first the exchange (in the address), then the rest. For nobody else it is there."""
    if not request.user.is_staff:
        raise NotFound("page")
    code = request.GET.get("exchange")
    if not code:
        return _choose_exchange(request)
    exchange = exchange_by_code(code)
    form = CompetitionForm(request.POST or None, exchange=exchange)
    if form.is_valid():
        try:
            made = create_competition(operator=request.user, exchange=exchange, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, f"“{made.title}” is set up.")
            return redirect("community:competition", made.pk)
    facts = {"form": form, "exchange": exchange}
    return render(request, "community/competition_form.html", facts, status=400 if form.errors else 200)


def _choose_exchange(request: HttpRequest) -> HttpResponse:
    form = ExchangeForm(request.POST or None)
    if form.is_valid():
        return redirect(f"{reverse('community:new_competition')}?exchange={form.cleaned_data['exchange'].code}")
    return render(request, "community/choose_exchange.html", {"form": form}, status=400 if form.errors else 200)
