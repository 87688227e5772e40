"""The history card of an instrument's page: what is known of its past, and loading more. Everybody may look."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from common.clock import market_now
from engine.timeframes import TIMEFRAMES
from markets.history import backfill_for_user, backfills, coverage, open_backfills
from markets.models import BackfillState, Instrument
from markets.selectors import instrument_by_id
from markets.services import cancel_backfill, request_backfill

YEAR = timedelta(days=365)


@require_safe
def history(request: HttpRequest, instrument_id: UUID) -> HttpResponse:
    found = instrument_by_id(instrument_id)
    newest = backfills().filter(instrument=found).first()
    facts = {
        "instrument": found,
        "coverage": coverage(found),
        "open": list(open_backfills([found])),
        "failed": newest if newest is not None and newest.state == BackfillState.FAILED else None,
        "others": [timeframe for timeframe in TIMEFRAMES if timeframe != "1m"],
    }
    return render(request, "markets/_history_body.html", facts)


@require_POST
@login_required
def load_history(request: SignedInRequest, instrument_id: UUID) -> HttpResponse:
    found = instrument_by_id(instrument_id)
    request_backfill(
        instrument=found,
        timeframe=request.POST.get("timeframe", "1m"),
        start=market_now(found.market.namespace) - YEAR,
        requested_by=request.user,
    )
    messages.success(request, "The past is being loaded. You may leave this page: it goes on.")
    return _back(found)


@require_POST
@login_required
def cancel_history(request: SignedInRequest, backfill_id: UUID) -> HttpResponse:
    canceled = cancel_backfill(backfill=backfill_for_user(request.user, backfill_id))
    messages.success(request, "No more is loaded; what has come stays.")
    return _back(canceled.instrument)


def _back(instrument: Instrument) -> HttpResponse:
    return redirect(reverse("markets:instrument", args=[instrument.pk]) + "#history")
