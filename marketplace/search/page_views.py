"""Listings side by side, and the searches that somebody keeps."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from marketplace.curves import tell_newest
from marketplace.entitlements import withheld
from marketplace.search.comparing import MOST, compared, curves_of, prices_of
from marketplace.search.forms import SaveSearchForm
from marketplace.search.saved import delete_search, save_search, saved_search_for_owner, saved_searches_of


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    shown = compared(request.user, request.GET.getlist("listing"))
    tell_newest(shown, request.user)
    facts = {
        "shown": shown,
        "most": MOST,
        "chosen": [str(one.pk) for one in shown],
        "prices": prices_of(shown),
        "has_withheld": bool(withheld(shown, request.user)),
    }
    return render(request, "marketplace/search/compare.html", facts)


@require_safe
def compare_curves(request: HttpRequest) -> JsonResponse:
    """The chart's data: each listing's return since its first day, by days."""
    shown = compared(request.user, request.GET.getlist("listing"))
    return JsonResponse({"unit": "percent", "curves": curves_of(shown, request.user), "drawdowns": []})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def searches(request: SignedInRequest) -> HttpResponse:
    """The searches that somebody keeps; a query in the address is one to be kept."""
    form = SaveSearchForm(request.POST or None, initial={"query": request.GET.get("query", "")[:1_000]})
    if form.is_valid():
        try:
            save_search(owner=request.user, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "Kept: you are told of new matches once a day.")
            return redirect("marketplace:searches")
    facts = {
        "form": form,
        "searches": saved_searches_of(request.user),
        "is_asked": "query" in request.GET or form.errors,
    }
    return render(request, "marketplace/search/searches.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def delete(request: SignedInRequest, search_id: UUID) -> HttpResponse:
    delete_search(search=saved_search_for_owner(request.user, search_id))
    messages.success(request, "Forgotten: you are told of it no more.")
    return redirect("marketplace:searches")
