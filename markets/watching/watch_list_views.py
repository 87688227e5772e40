"""The pages of one's watch lists: made, filled by search, put in order, renamed, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import LimitName
from accounts.requests import SignedInRequest
from accounts.selectors import limit
from common.errors import DomainError
from common.forms import show_refusal
from markets.models import WatchList
from markets.selectors import instrument_by_id, search_instruments, watch_list_for_user, watch_lists_of
from markets.services import (
    create_watch_list,
    delete_watch_list,
    order_watch_list,
    rename_watch_list,
    unwatch_instrument,
    watch_instrument,
)
from markets.tickers import tickers
from markets.watching.forms import NameForm
from markets.watching.wording import price_topic

MOST_FOUND, MAX_SEARCH = 12, 60
FIRST_NAME = "Watch list"
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@READ_OR_WRITE
@login_required
def watch_lists(request: SignedInRequest) -> HttpResponse:
    """List one's lists, and make another."""
    form = NameForm(request.POST or None)
    if form.is_valid():
        try:
            made = create_watch_list(owner=request.user, name=form.cleaned_data["name"])
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("markets:watch_list", made.pk)
    facts = {
        "form": form,
        "lists": watch_lists_of(request.user),
        "limit": limit(request.user, LimitName.WATCH_LISTS),
    }
    return render(request, "markets/watch_lists.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def watch_list(request: SignedInRequest, watch_list_id: UUID) -> HttpResponse:
    shown = watch_list_for_user(request.user, watch_list_id)
    return render(request, "markets/watch_list.html", _facts(request, shown, NameForm(initial={"name": shown.name})))


@require_POST
@login_required
def rename(request: SignedInRequest, watch_list_id: UUID) -> HttpResponse:
    renamed = watch_list_for_user(request.user, watch_list_id)
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            rename_watch_list(watch_list=renamed, name=form.cleaned_data["name"])
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("markets:watch_list", renamed.pk)
    shown = watch_list_for_user(request.user, watch_list_id)
    return render(request, "markets/watch_list.html", _facts(request, shown, form), status=400)


@require_POST
@login_required
def delete(request: SignedInRequest, watch_list_id: UUID) -> HttpResponse:
    deleted = watch_list_for_user(request.user, watch_list_id)
    delete_watch_list(watch_list=deleted)
    messages.success(request, f"“{deleted.name}” is deleted.")
    return redirect("markets:watch_lists")


@require_POST
@login_required
def add(request: SignedInRequest, watch_list_id: UUID, instrument_id: UUID) -> HttpResponse:
    watched = watch_list_for_user(request.user, watch_list_id)
    try:
        watch_instrument(watch_list=watched, instrument=instrument_by_id(instrument_id))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("markets:watch_list", watched.pk)


@require_POST
@login_required
def remove(request: SignedInRequest, watch_list_id: UUID, instrument_id: UUID) -> HttpResponse:
    watched = watch_list_for_user(request.user, watch_list_id)
    unwatch_instrument(watch_list=watched, instrument_id=instrument_id)
    return redirect("markets:watch_list", watched.pk)


@require_POST
@login_required
def move(request: SignedInRequest, watch_list_id: UUID, instrument_id: UUID) -> HttpResponse:
    """Let an instrument change places with its neighbour: above it, or below where the form says "down"."""
    watched = watch_list_for_user(request.user, watch_list_id)
    order = [entry.instrument_id for entry in watched.entries.all()]
    if instrument_id in order:
        place = order.index(instrument_id)
        other = min(max(place + (1 if request.POST.get("to") == "down" else -1), 0), len(order) - 1)
        order[place], order[other] = order[other], order[place]
        order_watch_list(watch_list=watched, instrument_ids=order)
    return redirect(f"{reverse('markets:watch_list', args=[watched.pk])}#entry-{instrument_id}")


@READ_OR_WRITE
@login_required
def watch(request: SignedInRequest, instrument_id: UUID) -> HttpResponse:
    """The part of an instrument's page that puts it on a list, or takes it off; without a list yet, the first is made."""
    instrument = instrument_by_id(instrument_id)
    if request.method == "POST":
        named = request.POST.get("watch_list", "")
        chosen = (
            watch_list_for_user(request.user, named)
            if named
            else create_watch_list(owner=request.user, name=FIRST_NAME)
        )
        if request.POST.get("to") == "off":
            unwatch_instrument(watch_list=chosen, instrument_id=instrument.pk)
        else:
            watch_instrument(watch_list=chosen, instrument=instrument)
        if not request.headers.get("HX-Request"):
            return redirect("markets:instrument", instrument.pk)
    lists = [
        (one, any(entry.instrument_id == instrument.pk for entry in one.entries.all()))
        for one in watch_lists_of(request.user)
    ]
    facts = {"instrument": instrument, "lists": lists, "is_watched": any(watched for _, watched in lists)}
    return render(request, "markets/_watch_control.html", facts)


def _facts(request: SignedInRequest, shown: WatchList, form: NameForm) -> dict[str, Any]:
    """Return what the page of a list shows: its instruments at their newest price, and what a search found."""
    query = request.GET.get("q", "").strip()[:MAX_SEARCH]
    watched = [entry.instrument for entry in shown.entries.all()]
    on_list = {one.pk for one in watched}
    found = list(search_instruments(query)[:MOST_FOUND]) if query else []
    return {
        "watch_list": shown,
        "form": form,
        "rows": [(ticker, price_topic(ticker.instrument)) for ticker in tickers(watched)],
        "query": query,
        "found": [(one, one.pk in on_list) for one in found],
    }
