"""The pages of sweeps: which parameters, how many combinations, what they came to, and the best of them as a version."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import LimitName
from accounts.requests import SignedInRequest
from accounts.selectors import limit
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from engine.strategy.schema import from_json
from strategies import selectors
from strategies.forms.sweeps import SweepForm
from strategies.models import StrategyVersion
from strategies.presenting.sweeps import point_face, sweep_page
from strategies.services.definitions import save_strategy
from strategies.services.sweeps import cancel_sweep, delete_sweep, request_sweep
from strategies.views.backtests import waiting_facts

PAGE_SIZE = 25
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def sweep_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.sweeps_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "strategies/sweeps.html", {"page": page})


@READ_OR_WRITE
@login_required
def sweep_version(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """Ask what a version would have done with other values of its parameters."""
    version = selectors.version_for_user(request.user, version_id)
    form = _form(request, version)
    if form.is_valid():
        try:
            sweep = request_sweep(owner=request.user, version=version, terms=form.terms(), search=form.chosen_search())
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("strategies:sweep", sweep.pk)
    facts = {"form": form, "version": version}
    return render(request, "strategies/sweep_form.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def count(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """Say how many combinations a form that is being filled in makes."""
    form = _form(request, selectors.version_for_user(request.user, version_id))
    points = form.points() if form.is_valid() else None
    return render(request, "strategies/_count.html", {"form": form, "points": points})


def _form(request: SignedInRequest, version: StrategyVersion) -> SweepForm:
    most = limit(request.user, LimitName.SWEEP_POINTS)
    return SweepForm(request.POST or None, version=version, graph=from_json(version.graph), most_points=most)


@require_safe
@login_required
def sweep(request: SignedInRequest, sweep_id: UUID) -> HttpResponse:
    """Show a sweep: on its way, with what is known so far, or done."""
    found = selectors.sweep_for_user(request.user, sweep_id)
    facts = {"sweep": found, "page": sweep_page(found, request.GET), **waiting_facts(request, found.is_finished)}
    part = {"sweep": "strategies/_sweep.html", "sweep-results": "strategies/_sweep_results.html"}
    return render(request, part.get(request.headers.get("HX-Target", ""), "strategies/sweep.html"), facts)


@require_POST
@login_required
def cancel(request: SignedInRequest, sweep_id: UUID) -> HttpResponse:
    found = cancel_sweep(actor=request.user, sweep=selectors.sweep_for_user(request.user, sweep_id))
    return redirect("strategies:sweep", found.pk)


@require_POST
@login_required
def delete(request: SignedInRequest, sweep_id: UUID) -> HttpResponse:
    delete_sweep(actor=request.user, sweep=selectors.sweep_for_user(request.user, sweep_id))
    messages.success(request, "The sweep is forgotten.")
    return redirect("strategies:sweeps")


@require_POST
@login_required
def save(request: SignedInRequest, sweep_id: UUID, number: int) -> HttpResponse:
    """Save the values of one point as a new version of the strategy, and offer to backtest it."""
    found = selectors.sweep_for_user(request.user, sweep_id)
    point = selectors.points_of(found).filter(number=number).first()
    if point is None:
        raise NotFound("point")
    if found.version is None:
        raise DomainError("STRATEGY_GONE", "The strategy of this sweep is gone; a new version has nowhere to go.")
    held = found.version
    version = save_strategy(
        owner=request.user,
        strategy=held.strategy,
        name=held.strategy.name,
        instruments=[held.instrument, *(one.instrument for one in held.further.select_related("instrument__market"))],
        timeframe=held.timeframe,
        face=point_face(found, point),
    )
    messages.success(request, f"Saved as version {version.number}.")
    return redirect("strategies:try", version.pk)
