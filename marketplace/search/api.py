"""The API of search."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from marketplace.search.selectors import Query, listings_at, search
from marketplace.search.serializers import FoundQuerySerializer, FoundSerializer


def found_page(request: Request) -> dict[str, Any]:
    """Return a page of what a program searches for."""
    asked = FoundQuerySerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    found = search(Query.of(request.query_params))
    size, number = asked.validated_data["page_size"], asked.validated_data["page"]
    page = Paginator(found.keys, size).get_page(number)
    here = request.build_absolute_uri()
    facts = {
        "count": found.total,
        "next": replace_query_param(here, "page", page.next_page_number()) if page.has_next() else None,
        "previous": replace_query_param(here, "page", page.previous_page_number()) if page.has_previous() else None,
        "instead": found.instead,
        "facets": found.facets,
        "results": listings_at(list(page)) if number == page.number else [],
    }
    return dict(FoundSerializer(facts).data)
