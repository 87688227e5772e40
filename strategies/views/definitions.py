"""Strategies as their authors write them: the list, the editor with its three faces, a strategy's versions."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from engine.strategy.encode import to_json
from engine.strategy.published import json_schema
from engine.strategy.templates import TEMPLATES
from strategies import selectors
from strategies.faces import Face, faces_of, graph_of
from strategies.forms.editor import EditorForm, View, first_graph, template_start
from strategies.grants.selectors import grants_of, is_sealed_for, usable_version
from strategies.models import Strategy
from strategies.presenting.words import SUITS, checked, vocabulary_groups
from strategies.services.definitions import save_strategy

PAGE_SIZE = 25
# On the page of a strategy; the list of backtests has them all.
RECENT_BACKTESTS = 5
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def strategy_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.strategies_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    running = selectors.running_runs_of(request.user)
    facts = {"page": page, "running": running, "grants": grants_of(request.user)}
    return render(request, "strategies/list.html", facts)


@READ_OR_WRITE
@login_required
def new(request: SignedInRequest) -> HttpResponse:
    """Choose how to begin, then write."""
    if request.method == "POST":
        return _write(request, None)
    template, view = request.GET.get("template", ""), request.GET.get("face", "")
    if template in TEMPLATES:
        found = TEMPLATES[template]
        return _show(request, EditorForm.showing(template_start(template), View.FORM, name=found.label), None)
    if view in (View.FORMULA, View.GRAPH):
        return _show(request, EditorForm.showing(first_graph(), view), None)
    templates = [(one, SUITS.get(name, "")) for name, one in TEMPLATES.items()]
    return render(request, "strategies/new.html", {"templates": templates})


@READ_OR_WRITE
@login_required
def edit(request: SignedInRequest, strategy_id: UUID) -> HttpResponse:
    strategy = selectors.strategy_for_user(request.user, strategy_id)
    if request.method == "POST":
        return _write(request, strategy)
    view = request.GET.get("face", View.FORM)
    view = view if view in View.values else View.FORM
    return _show(request, EditorForm.of_version(selectors.newest_version(strategy), view), strategy)


def _write(request: SignedInRequest, strategy: Strategy | None) -> HttpResponse:
    """Save what the editor holds, or show it in another face."""
    form = EditorForm(request.POST)
    target = request.POST.get("show", "")
    if target in View.values:
        return _turn(request, form, target, strategy)
    if form.is_valid():
        try:
            saved = save_strategy(owner=request.user, strategy=strategy, face=form.shown_face(), **form.settings())
        except DomainError as error:
            _show_fault(form, error)
        else:
            messages.success(request, f"Saved as version {saved.number}.")
            if request.POST.get("then") == "backtest":
                return redirect("strategies:try", saved.pk)
            return redirect("strategies:detail", saved.strategy_id)
    return _show(request, form, strategy)


def _turn(request: SignedInRequest, form: EditorForm, target: str, strategy: Strategy | None) -> HttpResponse:
    form.without_name()
    if form.is_valid():
        try:
            return _show(request, EditorForm.showing(form.strategy(), target, **form.held()), strategy)
        except DomainError as error:
            _show_fault(form, error)
    return _show(request, form, strategy)


def _show_fault(form: EditorForm, error: DomainError) -> None:
    """Put a refusal where it belongs; a fault in a formula or graph also keeps its place, for the mark."""
    form.check = checked(None, error)
    show_refusal(form, error)


def _show(request: SignedInRequest, form: EditorForm, strategy: Strategy | None) -> HttpResponse:
    facts = {
        "form": form,
        "strategy": strategy,
        "faces": View.choices,
        "vocabulary": vocabulary_groups(),
        **_read(form),
    }
    part = request.headers.get("HX-Target") == "editor"
    template = "strategies/_editor.html" if part else "strategies/editor.html"
    refused = 422 if part else 400
    return render(request, template, facts, status=refused if form.errors else 200)


def _read(form: EditorForm) -> dict[str, object]:
    """Return what stands beside the form face: the template that makes the graph, and the graph as a formula."""
    if form.view != View.FORM or form.base_graph is None:
        return {}
    faces = faces_of(to_json(form.base_graph))
    suits = SUITS.get(faces.template, "")
    return {"template": TEMPLATES.get(faces.template), "suits": suits, "formula": faces.formula}


@require_POST
@login_required
def check(request: SignedInRequest) -> HttpResponse:
    """Say whether a formula that is being typed means something, and where its fault is."""
    text = request.POST.get("formula", "")[:100_000]
    try:
        graph, fault = graph_of(Face(formula=text)), None
    except DomainError as error:
        graph, fault = None, error
    return render(request, "strategies/_check.html", {"check": checked(graph, fault)})


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Publish the JSON Schema of graphs, for every program that writes one."""
    return JsonResponse(json_schema(), content_type="application/schema+json")


@require_safe
@login_required
def detail(request: SignedInRequest, strategy_id: UUID) -> HttpResponse:
    strategy = selectors.strategy_for_user(request.user, strategy_id)
    versions = list(selectors.versions_of(strategy))
    facts = {
        "strategy": strategy,
        "template": TEMPLATES.get(strategy.template),
        "versions": versions,
        "newest": versions[0],
        "faces": faces_of(versions[0].graph),
        "runs": Paginator(selectors.runs_of_strategy(strategy), PAGE_SIZE).get_page(request.GET.get("page")),
        "backtests": selectors.backtests_of_strategy(strategy)[:RECENT_BACKTESTS],
    }
    return render(request, "strategies/detail.html", facts)


@require_safe
@login_required
def granted(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """A version that the user may use: what it is, and, where its author lets them see it, what it does."""
    version = usable_version(request.user, version_id)
    sealed = is_sealed_for(request.user.pk, version)
    facts = {"version": version, "sealed": sealed, "faces": None if sealed else faces_of(version.graph)}
    return render(request, "strategies/granted.html", facts)
