"""The strategies pages: write one, see its versions, start and stop its runs, watch a run trade."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.selectors import worth_of
from strategies import selectors
from strategies.forms import RunForm, StrategyForm
from strategies.models import Strategy
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run
from trading.codes import cause_in_words, explain

PAGE_SIZE = 25
# On the page of a run; its portfolio's page has them all.
RUN_ORDERS = 20
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def strategy_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.strategies_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    running = selectors.running_runs_of(request.user)
    return render(request, "strategies/list.html", {"page": page, "running": running})


@READ_OR_WRITE
@login_required
def new(request: SignedInRequest) -> HttpResponse:
    return _edit(request, None)


@READ_OR_WRITE
@login_required
def edit(request: SignedInRequest, strategy_id: UUID) -> HttpResponse:
    return _edit(request, selectors.strategy_for_user(request.user, strategy_id))


def _edit(request: SignedInRequest, strategy: Strategy | None) -> HttpResponse:
    version = selectors.newest_version(strategy) if strategy else None
    initial = StrategyForm.initial_of(version) if version else None
    form = StrategyForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            saved = save_strategy(owner=request.user, strategy=strategy, **form.settings())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, f"Saved as version {saved.number}.")
            return redirect("strategies:detail", saved.strategy_id)
    facts = {"form": form, "strategy": strategy, "version": version}
    return render(request, "strategies/form.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def detail(request: SignedInRequest, strategy_id: UUID) -> HttpResponse:
    strategy = selectors.strategy_for_user(request.user, strategy_id)
    versions = list(selectors.versions_of(strategy))
    runs = Paginator(selectors.runs_of_strategy(strategy), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"strategy": strategy, "versions": versions, "newest": versions[0], "runs": runs}
    return render(request, "strategies/detail.html", facts)


@READ_OR_WRITE
@login_required
def start(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """Choose the portfolio that a version shall trade."""
    version = selectors.version_for_user(request.user, version_id)
    form = RunForm(request.POST or None, user=request.user, version=version)
    if form.is_valid():
        try:
            run = start_run(actor=request.user, version=version, portfolio=form.cleaned_data["portfolio"])
        except DomainError as error:
            show_refusal(form, error, {"": "portfolio"})
        else:
            messages.success(request, f"“{version.strategy.name}” is running.")
            return redirect("strategies:run", run.pk)
    facts = {"form": form, "version": version, "choices": form.has_choices()}
    return render(request, "strategies/start.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def run(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    found = selectors.run_for_user(request.user, run_id)
    facts = {
        "run": found,
        "worth": worth_of([found.portfolio])[found.portfolio_id],
        "position": selectors.position_of_run(found),
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
    stopped = stop_run(actor=request.user, run=selectors.run_for_user(request.user, run_id))
    messages.success(request, "The run has stopped. What it holds stays open until you close it.")
    return redirect("strategies:run", stopped.pk)
