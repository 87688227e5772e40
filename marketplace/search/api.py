"""The API of search."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from marketplace.curves import tell_newest
from marketplace.search.comparing import compared, curves_of
from marketplace.search.saved import delete_search, save_search, saved_search_for_owner, saved_searches_of
from marketplace.search.selectors import Query, listings_at, search, similar_to
from marketplace.search.serializers import (
    FoundQuerySerializer,
    FoundSerializer,
    ListingComparisonSerializer,
    SavedSearchSerializer,
    SimilarSerializer,
)
from marketplace.selectors import listing_for_reader


def found_page(request: Request) -> dict[str, Any]:
    """Return a page of what a program searches for."""
    asked = FoundQuerySerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    found = search(Query.of(request.query_params))
    size, number = asked.validated_data["page_size"], asked.validated_data["page"]
    page = Paginator(found.keys, size).get_page(number)
    shown = listings_at(list(page)) if number == page.number else []
    tell_newest(shown, asker(request))
    here = request.build_absolute_uri()
    facts = {
        "count": found.total,
        "next": replace_query_param(here, "page", page.next_page_number()) if page.has_next() else None,
        "previous": replace_query_param(here, "page", page.previous_page_number()) if page.has_previous() else None,
        "instead": found.instead,
        "facets": found.facets,
        "results": shown,
    }
    return dict(FoundSerializer(facts).data)


class CompareView(ApiView):
    """Listings side by side."""

    scope = Scope.READ

    @extend_schema(
        summary="Compare up to four listings",
        description="What is not there, or not to be seen, is left out. A paid listing's curve ends a day ago for"
        " whoever does not subscribe.",
        parameters=[OpenApiParameter("listing", str, many=True, description="Ids, each as `listing=…` of its own.")],
        responses=ListingComparisonSerializer,
    )
    def get(self, request: Request) -> Response:
        reader = asker(request)
        shown = compared(reader, request.query_params.getlist("listing"))
        tell_newest(shown, reader)
        return Response(ListingComparisonSerializer({"listings": shown, "curves": curves_of(shown, reader)}).data)


class SimilarView(ApiView):
    """What moves like a listing."""

    scope = Scope.READ

    @extend_schema(summary="List the listings whose returns move alike", responses=SimilarSerializer(many=True))
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        return Response(SimilarSerializer(similar_to(listing), many=True).data)


class SavedSearchesView(ApiView):
    """Searches that one keeps."""

    scope = Scope.MANAGE

    @extend_schema(summary="List one's saved searches", responses=SavedSearchSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(SavedSearchSerializer(saved_searches_of(asker(request)), many=True).data)

    @extend_schema(
        summary="Keep a search",
        description="You are told of new matches once a day. The same name again replaces it; twenty may be kept.",
        request=SavedSearchSerializer,
        responses={201: SavedSearchSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = SavedSearchSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        saved = save_search(owner=asker(request), name=data["name"], query=data.get("query", ""))
        return Response(SavedSearchSerializer(saved).data, status=status.HTTP_201_CREATED)


class SavedSearchView(ApiView):
    """One search that one keeps."""

    scope = Scope.MANAGE

    @extend_schema(summary="Forget a saved search", responses={204: None})
    def delete(self, request: Request, search_id: UUID) -> Response:
        delete_search(search=saved_search_for_owner(asker(request), search_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
