"""The markets pages: a list with live prices, and one page per instrument with its chart. Everybody may look."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from markets.charts import chart_rows, chart_timeframes
from markets.selectors import instrument_by_id, known_timeframe, search_instruments
from markets.sources import plain_tick
from markets.tickers import tickers

MAX_SEARCH = 60
# What a chart opens with, where the instrument has candles of it.
FIRST_TIMEFRAME = "5m"


@require_safe
def market_list(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:MAX_SEARCH]
    found = tickers(search_instruments(query))
    # One live topic per namespace, so one table body each.
    groups = [(key, list(group)) for key, group in groupby(found, key=lambda one: one.instrument.market.namespace)]
    only_table = request.headers.get("HX-Target") == "markets"
    template = "markets/_table.html" if only_table else "markets/list.html"
    return render(request, template, {"query": query, "groups": groups})


@require_safe
def instrument(request: HttpRequest, instrument_id: UUID) -> HttpResponse:
    found = instrument_by_id(instrument_id)
    [ticker] = tickers([found])
    offered = chart_timeframes(found)
    chosen = FIRST_TIMEFRAME if FIRST_TIMEFRAME in offered else next(iter(offered), "")
    ranges = [
        {
            "label": timeframe,
            "url": reverse("markets:candles", args=[found.id, timeframe]),
            "series": timeframe,
            "active": timeframe == chosen,
        }
        for timeframe in offered
    ]
    exponent = plain_tick(found).as_tuple().exponent
    chart = {
        "label": f"Price of {found}",
        "topic": f"candles:{found.id}",
        "precision": str(max(0, -int(exponent))),
    }
    context = {"instrument": found, "ticker": ticker, "ranges": ranges, "chosen": chosen, "chart": chart}
    return render(request, "markets/instrument.html", context)


@require_safe
def candles(request: HttpRequest, instrument_id: UUID, timeframe: str) -> JsonResponse:
    """The chart's data: the newest candles and the one that is forming."""
    return JsonResponse({"candles": chart_rows(instrument_by_id(instrument_id), known_timeframe(timeframe))})
