"""The pages of backtests: ask for one, watch it being computed, read what it came to, compare."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from strategies import selectors
from strategies.forms.terms import TermsForm
from strategies.grants.selectors import is_sealed_for, usable_version
from strategies.models import Backtest, JobState
from strategies.presenting.results import ResultPage, comparison
from strategies.presenting.trades import trade_page
from strategies.services.backtests import cancel_backtest, delete_backtest, request_backtest

PAGE_SIZE = 25
MOST_COMPARED = 5
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def backtest_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.backtests_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "strategies/backtests.html", {"page": page, "most": MOST_COMPARED})


@READ_OR_WRITE
@login_required
def try_version(request: SignedInRequest, version_id: UUID) -> HttpResponse:
    """Ask what a version would have done."""
    version = usable_version(request.user, version_id)
    form = TermsForm(request.POST or None, version=version)
    if form.is_valid():
        try:
            backtest = request_backtest(owner=request.user, version=version, terms=form.terms())
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("strategies:backtest", backtest.pk)
    facts = {"form": form, "version": version, "sealed": is_sealed_for(request.user.pk, version)}
    return render(request, "strategies/try.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def backtest(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    """Show a backtest: on its way, failed, or its result. The waiting page fetches the same address until it is done."""
    found = selectors.backtest_for_user(request.user, backtest_id)
    part = request.headers.get("HX-Target") == "backtest"
    facts = {"backtest": found, **waiting_facts(request, found.is_finished)}
    if found.state == JobState.DONE:
        facts |= {"page": ResultPage(found), "trades": trade_page(found, request.GET)}
    return render(request, "strategies/_backtest.html" if part else "strategies/backtest.html", facts)


def waiting_facts(request: SignedInRequest, is_finished: bool) -> dict[str, object]:
    """Return when a waiting page asks again: soon at first, then ever more seldom, up to every two seconds."""
    given = request.GET.get("asked", "0")
    asked = int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 0
    return {} if is_finished else {"asked": asked + 1, "wait_ms": 80 if asked < 12 else min(2000, 100 * (asked - 8))}


@require_safe
@login_required
def trades(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    """Show the table of trades alone: sorted, filtered, another page."""
    found = _finished(request, backtest_id)
    return render(request, "strategies/_trades.html", {"backtest": found, "trades": trade_page(found, request.GET)})


@require_POST
@login_required
def cancel(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    found = cancel_backtest(actor=request.user, backtest=selectors.backtest_for_user(request.user, backtest_id))
    return redirect("strategies:backtest", found.pk)


@require_POST
@login_required
def delete(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    delete_backtest(actor=request.user, backtest=selectors.backtest_for_user(request.user, backtest_id))
    messages.success(request, "The backtest is forgotten.")
    return redirect("strategies:backtests")


@require_safe
@login_required
def compare(request: SignedInRequest) -> HttpResponse:
    """Show up to five finished backtests side by side (?id=…&id=…)."""
    chosen = [selectors.backtest_for_user(request.user, key) for key in request.GET.getlist("id")[:MOST_COMPARED]]
    done = [one for one in dict.fromkeys(chosen) if one.state == JobState.DONE]
    others = selectors.backtests_of(request.user).filter(state=JobState.DONE).exclude(pk__in=[one.pk for one in done])
    facts = {
        "backtests": done,
        "others": others[:50],
        "most": MOST_COMPARED,
        "rows": comparison(done),
        "query": urlencode({"id": [str(one.pk) for one in done]}, doseq=True),
    }
    return render(request, "strategies/compare.html", facts)


def _finished(request: SignedInRequest, backtest_id: UUID) -> Backtest:
    found = selectors.backtest_for_user(request.user, backtest_id)
    if found.state != JobState.DONE:
        raise NotFound("result")
    return found
