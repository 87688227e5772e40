"""The scanners' API. Asking a scanner has it look for the next minute."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from markets.scanning import serializers
from markets.scanning.results import Found, Scanner, is_stale, known_scanner, latest_found, want

_NOTHING = Found(at="", rows=[], nearest=None, looked_at=0, fresh=0)


class OpportunitiesView(ApiView):
    """What pays at this moment."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the spreads or triangles that pay at this moment",
        description="Asking has the scanner look for the next minute. Not an offer: books change.",
        parameters=[
            OpenApiParameter("scanner", str, OpenApiParameter.PATH, enum=[Scanner.SPREADS, Scanner.TRIANGLES]),
            serializers.OpportunityQuery,
        ],
        responses=serializers.OpportunitiesSerializer,
    )
    def get(self, request: Request, scanner: str) -> Response:
        known = known_scanner(scanner)
        query = serializers.OpportunityQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found, shown = _seen(known)
        shown["rows"] = query.filter().chosen(found["rows"])
        return Response(serializers.OpportunitiesSerializer(shown).data)


class MoversView(ApiView):
    """What moves at this moment."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the markets that move, or trade, beyond their habit at this moment",
        description="Asking has the scanner look for the next minute.",
        parameters=[serializers.MoverQuery],
        responses=serializers.MoversSerializer,
    )
    def get(self, request: Request) -> Response:
        query = serializers.MoverQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found, shown = _seen(Scanner.MOVERS)
        shown["rows"] = query.filter().chosen(found["rows"])
        return Response(serializers.MoversSerializer(shown).data)


def _seen(scanner: Scanner) -> tuple[Found, dict[str, Any]]:
    """Have a scanner look, and return what it found last with what the answer says of it."""
    want([scanner])
    found = latest_found(scanner)
    shown = dict(found or _NOTHING) | {"at": found and found["at"], "is_stale": found is None or is_stale(found)}
    return found or _NOTHING, shown
