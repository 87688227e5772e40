"""The marketplace's first page: everything that is published, searched, narrowed and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.models import User
from marketplace import selectors
from marketplace.billing.offers import cheapest_words
from marketplace.curves import recent_curves, tell_newest
from marketplace.search.facets import SORTS
from marketplace.search.selectors import Found, Query, aggregate_of, listings_at, search

PAGE_SIZE = 24


@require_safe
def listing_list(request: HttpRequest) -> HttpResponse:
    query = Query.of(request.GET)
    found = search(query)
    page = Paginator(found.keys, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = listings_at(list(page))
    tell_newest(shown, request.user)
    curves, prices = recent_curves(shown, request.user), cheapest_words([one.pk for one in shown])
    is_part = request.headers.get("HX-Target") == "results"
    facts = {
        "found": found,
        "query": query,
        "page": page,
        "cards": [(one, curves[one.pk], prices.get(one.pk)) for one in shown],
        "tabs": _tabs(found),
        "facets": [facet for facet in found.facets if facet.name != "kind"],
        "kind": _only(query.chosen.get("kind", ())),
        "chips": _chips(found),
        "sorts": SORTS,
        "is_part": is_part,
    }
    if not is_part:
        facts["mine"] = mine = list(selectors.listings_of(request.user)) if isinstance(request.user, User) else []
        tell_newest(mine, request.user)
    kind = facts["kind"]
    facts["past"] = aggregate_of(str(kind)) if kind else None
    answer = render(request, "marketplace/search/_results.html" if is_part else "marketplace/list.html", facts)
    # A browser must not show a part that it has kept as if it were the page.
    patch_vary_headers(answer, ["HX-Target"])
    return answer


def _only(values: Sequence[str] | frozenset[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""


def _tabs(found: Found) -> list[dict[str, object]]:
    """Return the tabs that choose a kind of money, with what each would show; what else is chosen stays."""
    kinds = next(facet.values for facet in found.facets if facet.name == "kind")
    address = reverse("marketplace:list")
    kept = [pair for pair in parse_qsl(found.query.address()) if pair[0] != "kind"]
    tabs: list[dict[str, object]] = [
        {"label": "All", "href": _with(address, kept), "active": not found.query.chosen.get("kind")}
    ]
    for one in kinds:
        if one.count or one.is_chosen:
            href = _with(address, [*kept, ("kind", one.value)])
            tabs.append({"label": one.label, "href": href, "active": one.is_chosen, "count": one.count})
    return tabs


def _with(address: str, pairs: Sequence[tuple[str, str]]) -> str:
    query = Query.of_pairs(pairs).address()
    return f"{address}?{query}" if query else address


def _chips(found: Found) -> list[dict[str, str]]:
    """Return what is chosen, each with the address that is left without it."""
    address, query = reverse("marketplace:list"), found.query
    chosen = [
        (facet.name, one.value, f"{facet.label}: {one.label}")
        for facet in found.facets
        for one in facet.values
        if one.is_chosen and facet.name != "kind"
    ]
    return [{"label": label, "href": f"{address}?{query.address((name, value))}"} for name, value, label in chosen]
