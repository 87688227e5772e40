"""The markets pages: a list with live prices, one page per instrument, how venues are doing. Everybody may look."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from markets.chart_indicators import chosen_indicators
from markets.charts import chart_answer
from markets.instrument_page import chart_of, instrument_page
from markets.listing import SORT_WORDS, Question, listed_venues, market_page
from markets.selectors import instrument_by_id, known_timeframe
from markets.venues import venue_statuses


@require_safe
def market_list(request: HttpRequest) -> HttpResponse:
    asked = Question.of(request.GET.dict())
    context = {
        "asked": asked,
        "headings": asked.headings(),
        "sorts": SORT_WORDS,
        "page": market_page(asked, request.GET.get("page", "")),
        "is_part": _asks_for(request, "markets"),
    }
    if context["is_part"]:
        return _part(render(request, "markets/_table.html", context))
    return _part(render(request, "markets/list.html", {**context, "venues": listed_venues()}))


@require_safe
def instrument(request: HttpRequest, instrument_id: UUID) -> HttpResponse:
    found = instrument_by_id(instrument_id)
    chosen = chosen_indicators(request.GET.get("indicators", ""))
    context = {
        "instrument": found,
        "page": instrument_page(found),
        "chart": chart_of(found, request.GET.get("timeframe", ""), chosen),
    }
    return render(request, "markets/instrument.html", context)


@require_safe
def candles(request: HttpRequest, instrument_id: UUID, timeframe: str) -> JsonResponse:
    """The chart's data: the newest candles and the one that is forming, their volumes, the indicators that are chosen."""
    chosen = chosen_indicators(request.GET.get("indicators", ""))
    return JsonResponse(chart_answer(instrument_by_id(instrument_id), known_timeframe(timeframe), chosen))


@require_safe
def venues(request: HttpRequest) -> HttpResponse:
    template = "markets/_venues.html" if _asks_for(request, "venues") else "markets/venues.html"
    # An operator reads a venue's own words, too: they may quote addresses that are nobody else's business.
    shows_words = request.user.is_authenticated and request.user.is_staff
    return _part(render(request, template, {"statuses": venue_statuses(), "shows_words": shows_words}))


def _asks_for(request: HttpRequest, target: str) -> bool:
    return request.headers.get("HX-Target") == target


def _part(response: HttpResponse) -> HttpResponse:
    """Keep a browser from showing a part that it has kept as if it were the page."""
    patch_vary_headers(response, ["HX-Target"])
    return response
