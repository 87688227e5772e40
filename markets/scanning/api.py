"""The scanners' API."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from markets.scanning import serializers
from markets.scanning.results import Found, Scanner, is_stale, known_scanner, latest_found, want

_NOTHING = Found(at="", rows=[], nearest=None, looked_at=0, fresh=0)


class ScannerView(APIView):
    """What a scanner sees."""

    @extend_schema(
        summary="Read what a scanner sees at this moment",
        description="Asking has it look for the next minute. Spreads and triangles take the filters `min_bps` and "
        "`min_size`, movers all others; `venue` and `namespace` are for each.",
        parameters=[
            OpenApiParameter("scanner", str, OpenApiParameter.PATH, enum=list(Scanner)),
            serializers.OpportunityQuery,
            serializers.MoverQuery,
        ],
        responses=PolymorphicProxySerializer(
            component_name="ScannerFound",
            serializers=[serializers.OpportunitiesSerializer, serializers.MoversSerializer],
            resource_type_field_name=None,
        ),
    )
    def get(self, request: Request, scanner: str) -> Response:
        known = known_scanner(scanner)
        moves = known is Scanner.MOVERS
        query = (serializers.MoverQuery if moves else serializers.OpportunityQuery)(data=request.query_params)
        query.is_valid(raise_exception=True)
        want([known])
        found = latest_found(known)
        shown = dict(found or _NOTHING)
        shown |= {
            "at": found and found["at"],
            "is_stale": found is None or is_stale(found),
            "rows": query.filter().chosen(found["rows"] if found else []),
        }
        shape = serializers.MoversSerializer if moves else serializers.OpportunitiesSerializer
        return Response(shape(shown).data)
