"""The pages of plans: those of a portfolio, beginning one with a preview, one plan as it goes on, and its owner's acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from engine.plans.kinds import PlanKind
from portfolios.models import Portfolio
from portfolios.selectors import portfolio_for_user
from trading.codes import in_words
from trading.plans.forms import PlanForm, StopPlanForm
from trading.plans.models import Plan
from trading.plans.selectors import Standing, kinds_for, orders_of_plan, plan_for_user, plans_of, standings, ways
from trading.plans.services.managing import begin_plan, pause_plan, preview_plan, resume_plan, stop_plan
from trading.plans.words import LABELS, SENTENCES, facts_of, progress_of, reason_of, unit_of, warning_of

PAGE_SIZE = 25
RECENT = 25
# A preview shows this many steps; the sums are of all.
SHOWN_STEPS = 30
# Which field a refusal is about that names none, by the beginning of its code.
_FIELDS = {
    "QUANTITY": "quantity",
    "NOTIONAL": "quantity",
    "INSUFFICIENT_BALANCE": "quantity",
    "NOTHING_TO_CLOSE": "quantity",
    "PRICE_UNKNOWN": "instrument",
    "INSTRUMENT": "instrument",
}


# --- a portfolio's plans --------------------------------------------------------------------------------------------
@require_safe
@login_required
def plan_list(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    page = Paginator(plans_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"portfolio": found, "page": page, "ways": ways(found), **_rows(list(page))}
    return render(request, "trading/plans/list.html", facts)


@require_safe
@login_required
def plan_rows(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """The newest of a portfolio's plans, fetched again when something changes."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    return render(request, "trading/plans/_rows.html", _rows(list(plans_of(found)[:PAGE_SIZE])))


def _rows(found: list[Plan]) -> dict[str, Any]:
    return {"rows": [(one, progress_of(one.plan)[0], reason_of(one.plan)) for one in standings(found)]}


def _kind(given: str, portfolio: Portfolio) -> PlanKind:
    for kind in kinds_for(portfolio):
        if given == kind.lower():
            return kind
    raise NotFound("kind of plan")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_plan(request: SignedInRequest, portfolio_id: UUID, plan_kind: str) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    kind = _kind(plan_kind, found)
    form = PlanForm(request.POST or None, portfolio=found, kind=kind)
    if form.is_valid():
        data = form.cleaned_data
        try:
            plan = begin_plan(
                actor=request.user,
                portfolio=found,
                instrument=data["instrument"],
                kind=kind,
                settings=form.settings(),
                key=data["key"],
            )
        except DomainError as error:
            _show(form, error, kind)
        else:
            messages.success(request, f"The {LABELS[kind]} plan runs.")
            return redirect("trading:plan", plan.pk)
    facts = {
        "portfolio": found,
        "form": form,
        "rows": [(field, unit_of(one, base="coins", quote=found.settlement_id)) for field, one in form.rows()],
        "kind": kind.lower(),
        "label": LABELS[kind],
        "sentence": SENTENCES[kind],
        "warning": warning_of(kind),
    }
    return render(request, "trading/plans/new.html", facts, status=400 if form.errors else 200)


def _show(form: PlanForm, error: DomainError, kind: PlanKind) -> None:
    """Put a refusal's sentence at its field; money is a plan's own amount where it has no quantity."""
    fields = _FIELDS if kind != PlanKind.DCA else dict.fromkeys(_FIELDS, "amount") | {"PRICE": "instrument"}
    show_refusal(form, error, {} if error.context.get("field") in form.fields else fields)


@require_GET
@login_required
def plan_preview(request: SignedInRequest, portfolio_id: UUID, plan_kind: str) -> HttpResponse:
    """What the form as it stands would do."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.TRADE)
    kind = _kind(plan_kind, found)
    form = PlanForm(request.GET or None, portfolio=found, kind=kind)
    facts: dict[str, Any] = {"kind": kind}
    if form.is_valid():
        instrument = form.cleaned_data["instrument"]
        try:
            seen = preview_plan(portfolio=found, instrument=instrument, kind=kind, settings=form.settings())
        except DomainError as error:
            facts["refusal"] = error.message
        else:
            steps = seen.steps[:SHOWN_STEPS]
            facts |= {"seen": seen, "steps": steps, "more": len(seen.steps) - len(steps), "instrument": instrument}
    return render(request, "trading/plans/_preview.html", facts)


# --- one plan -------------------------------------------------------------------------------------------------------
@require_safe
@login_required
def plan(request: SignedInRequest, plan_id: UUID) -> HttpResponse:
    found = plan_for_user(request.user, plan_id)
    facts = {
        **_panel(found),
        "settings": facts_of(found),
        "stop_form": StopPlanForm(),
        "label": found.get_kind_display(),
    }
    return render(request, "trading/plans/detail.html", facts)


@require_safe
@login_required
def plan_panel(request: SignedInRequest, plan_id: UUID) -> HttpResponse:
    """How the plan stands, fetched again when something changes."""
    return render(request, "trading/plans/_panel.html", _panel(plan_for_user(request.user, plan_id)))


def _panel(found: Plan) -> dict[str, Any]:
    progress, ratio = progress_of(found)
    return {
        "plan": found,
        "portfolio": found.portfolio,
        "standing": _standing(found),
        "progress": progress,
        "ratio": ratio,
        "reason": reason_of(found),
        "orders": in_words(orders_of_plan(found)[:RECENT]),
    }


def _standing(found: Plan) -> Standing:
    return standings([found])[0]


@require_POST
@login_required
def pause(request: SignedInRequest, plan_id: UUID) -> HttpResponse:
    return _moved(request, plan_id, pause_plan, "Paused: it opens nothing; what it holds is still sold as planned.")


@require_POST
@login_required
def resume(request: SignedInRequest, plan_id: UUID) -> HttpResponse:
    return _moved(request, plan_id, resume_plan, "The plan goes on.")


def _moved(request: SignedInRequest, plan_id: UUID, move: Callable[..., Plan], done: str) -> HttpResponse:
    found = plan_for_user(request.user, plan_id, Permission.TRADE)
    move(actor=request.user, plan=found)
    messages.success(request, done)
    return redirect("trading:plan", found.pk)


@require_POST
@login_required
def stop(request: SignedInRequest, plan_id: UUID) -> HttpResponse:
    found = plan_for_user(request.user, plan_id, Permission.TRADE)
    form = StopPlanForm(request.POST)
    if not form.is_valid():
        raise DomainError("STOP_MODE_INVALID", "Choose what shall become of what the plan holds.")
    stop_plan(actor=request.user, plan=found, closes=form.cleaned_data["mode"] == "CLOSE")
    messages.success(request, "The plan has ended.")
    return redirect("trading:plan", found.pk)
