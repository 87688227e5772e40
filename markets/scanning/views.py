"""The scanners' page: what they see at this moment, filtered by the address. Everybody may look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from markets.models import Exchange
from markets.scanning.filters import VOLUME
from markets.scanning.forms import MoverForm, OpportunityForm
from markets.scanning.results import Found, Opportunity, Scanner, is_stale, kind_of, known_scanner, latest_found, want
from markets.scanning.wording import mover_words, opportunity_words

_TITLES = {Scanner.SPREADS: "Spreads", Scanner.TRIANGLES: "Triangles", Scanner.MOVERS: "Movers"}
ROWS_SHOWN = 50


@require_safe
def scanner(request: HttpRequest, scanner: str = Scanner.SPREADS) -> HttpResponse:
    known = known_scanner(scanner)
    want([known])
    found = latest_found(known)
    facts = _movers(request, found) if known is Scanner.MOVERS else _opportunities(request, found)
    facts |= {
        "scanner": known,
        "found": found,
        "at": found and datetime.fromisoformat(found["at"]),
        "is_stale": found is not None and is_stale(found),
        "left_out": found["looked_at"] - found["fresh"] if found else 0,
    }
    if request.headers.get("HX-Target") == "scanner-rows":
        return render(request, "markets/_scanner_rows.html", facts)
    tabs = [
        {"label": title, "href": reverse("markets:scanner", args=[name]), "active": name == known}
        for name, title in _TITLES.items()
    ]
    return render(request, "markets/scanners.html", facts | {"tabs": tabs, "title": _TITLES[known]})


def _opportunities(request: HttpRequest, found: Found | None) -> dict[str, Any]:
    exchanges = list(Exchange.objects.exclude(dialect="").order_by("name"))
    form = OpportunityForm(request.GET or None, exchanges=exchanges)
    chosen = form.filter().chosen(found["rows"]) if found else []
    return {
        "form": form,
        "rows": [_shown(row) for row in chosen[:ROWS_SHOWN]],
        "nearest": found and found["nearest"] and _shown(found["nearest"]),
        "kind": _one_kind(exchanges),
    }


def _movers(request: HttpRequest, found: Found | None) -> dict[str, Any]:
    exchanges = list(Exchange.objects.order_by("name"))
    form = MoverForm(request.GET, exchanges=exchanges)
    asked = form.filter()
    chosen = asked.chosen(found["rows"]) if found else []
    rows = [
        {"row": row, "key": f"{row['key']}.{asked.minutes}", "words": mover_words(row, asked.minutes)}
        for row in chosen[:ROWS_SHOWN]
    ]
    return {"form": form, "rows": rows, "asked": asked, "by_volume": asked.by == VOLUME, "kind": _one_kind(exchanges)}


def _shown(row: Opportunity) -> dict[str, Any]:
    """Return a row with what the template says of it: figures in words, and the way through its assets."""
    way: list[str] = []
    for leg in row["legs"]:
        base, quote, *_ = leg["market"].split("-")
        gives, takes = (base, quote) if leg["side"] == "BUY" else (quote, base)
        way += [gives] if way else [takes, gives]
    return {"row": row, "words": opportunity_words(row), "way": " → ".join(way)}


def _one_kind(exchanges: Sequence[Exchange]) -> str:
    """Return what is to be said of all these exchanges' prices; "" where they differ, or are real."""
    kinds = {kind_of(one) for one in exchanges}
    return kinds.pop() if len(kinds) == 1 else ""
