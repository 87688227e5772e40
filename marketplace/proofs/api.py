"""The proofs API: signed roots and their keys for everybody; a record, and the proof of one fill, for readers of a listing."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import asker
from common.pagination import NewestFirst
from marketplace.proofs import selectors, serializers
from marketplace.proofs.downloads import record_answer, told_root
from marketplace.proofs.models import RecordKey, RecordRoot
from marketplace.selectors import listing_for_reader


class NewestNumberFirst(NewestFirst):
    ordering = "-number"


class RootsView(ListAPIView[RecordRoot]):
    """Signed roots."""

    permission_classes = [AllowAny]
    pagination_class = NewestNumberFirst
    serializer_class = serializers.RecordRootSerializer
    queryset = RecordRoot.objects.none()

    def get_queryset(self) -> QuerySet[RecordRoot]:
        return RecordRoot.objects.all()

    @extend_schema(summary="List the signed roots of track records, newest first")
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None, "every list has pages"
        return self.get_paginated_response([told_root(one) for one in page])


class KeysView(APIView):
    """Who signed."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="record_keys_list",
        summary="List the public keys that signed roots",
        responses=serializers.RecordKeySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.RecordKeySerializer(RecordKey.objects.order_by("first_used_at"), many=True).data)


class ProofView(APIView):
    """One fill of a listing's record."""

    @extend_schema(
        summary="Read the proof that a fill is in a signed root",
        description="Refused with NOT_SEALED_YET or NOT_SIGNED_YET (409) while it is too young for one.",
        responses=serializers.InclusionProofSerializer,
    )
    def get(self, request: Request, listing_id: UUID, number: int) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        proof = selectors.proof_of(listing, number)
        return Response(
            {
                "number": number,
                "fill": selectors.fill_text(listing, number),
                "leaf": proof.leaf.hex(),
                "before": proof.before.hex(),
                "after": [one.hex() for one in proof.after],
                "seal": asdict(proof.seal),
                "place": proof.place,
                "path": [one.hex() for one in proof.path],
                "root": {**asdict(proof.root.statement), "signature": proof.root.signature.hex()},
                "public_key": selectors.public_key_text(proof.root.statement.key),
            }
        )


class RecordView(APIView):
    """All that is sealed of a listing's record."""

    @extend_schema(
        summary="Download the sealed record",
        description="Newline-delimited JSON: a header, then each seal followed by its fills in canonical form.",
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request, listing_id: UUID) -> StreamingHttpResponse:
        return record_answer(request._request, listing_for_reader(asker(request), listing_id))
