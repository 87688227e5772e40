"""A strategy's runs: start one, watch it trade, stop it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.selectors import worth_of
from strategies import selectors
from strategies.forms.runs import RunForm
from strategies.grants.selectors import is_sealed_for, usable_version
from strategies.services.runs import start_run, stop_run
from trading.codes import cause_in_words, explain

# On the page of a run; its portfolio's page has them all.
RUN_ORDERS = 20
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@READ_OR_WRITE
@login_required
def start(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """Choose the portfolio that a version shall trade."""
    version = usable_version(request.user, version_id)
    form = RunForm(request.POST or None, user=request.user, version=version)
    if form.is_valid():
        try:
            run = start_run(actor=request.user, version=version, portfolio=form.cleaned_data["portfolio"])
        except DomainError as error:
            show_refusal(form, error, {"": "portfolio"})
        else:
            messages.success(request, f"“{version.strategy.name}” is running.")
            return redirect("strategies:run", run.pk)
    sealed = is_sealed_for(request.user.pk, version)
    facts = {"form": form, "version": version, "choices": form.has_choices(), "sealed": sealed}
    return render(request, "strategies/start.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def run(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    found = selectors.run_for_user(request.user, run_id)
    facts = {
        "run": found,
        "sealed": is_sealed_for(request.user.pk, found.version),
        "worth": worth_of([found.portfolio])[found.portfolio_id],
        "position": selectors.position_of_run(found),
        "loading": selectors.loading_past(found),
        "orders": [
            {"order": one, "cause": cause_in_words(one), "reason": explain(one.code, one)}
            for one in selectors.orders_of_run(found)[:RUN_ORDERS]
        ],
    }
    # The live page fetches the part that changed; the whole page is for everybody else.
    part = {"run-state": "strategies/_run_state.html", "run-orders": "trading/_orders.html"}
    template = part.get(request.headers.get("HX-Target", ""), "strategies/run.html")
    return render(request, template, facts)


@require_POST
@login_required
def stop(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    stopped = stop_run(actor=request.user, run=selectors.run_for_user(request.user, run_id, Permission.TRADE))
    messages.success(request, "The run has stopped. What it holds stays open until you close it.")
    return redirect("strategies:run", stopped.pk)
