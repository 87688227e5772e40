"""The proofs API: signed roots and their keys for everybody; a record, and the proof of one fill, for readers of a listing."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from common.errors import NotFound
from common.pagination import NewestFirst
from marketplace.proofs import selectors, serializers
from marketplace.proofs.downloads import record_answer, told_root
from marketplace.proofs.models import DriftDay, PublishedBacktest, RecordKey, RecordRoot, Reproduction
from marketplace.proofs.services.reproducing import publish_backtest, request_reproduction
from marketplace.proofs.showing import drift_days
from marketplace.selectors import listing_for_owner, listing_for_reader
from strategies.selectors import backtest_for_user


class NewestNumberFirst(NewestFirst):
    ordering = "-number"


class RootsView(ApiListView[RecordRoot]):
    """Signed roots."""

    scope = Scope.READ
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


class KeysView(ApiView):
    """Who signed."""

    scope = Scope.READ
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="record_keys_list",
        summary="List the public keys that signed roots",
        responses=serializers.RecordKeySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.RecordKeySerializer(RecordKey.objects.order_by("first_used_at"), many=True).data)


class ProofView(ApiView):
    """One fill of a listing's record."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the proof that a fill is in a signed root",
        description="Refused with NOT_SEALED_YET or NOT_SIGNED_YET (409) while it is too young for one, and with"
        " RECORD_DELAYED (409) where a paid listing's fill is younger than a day and the reader does not subscribe.",
        responses=serializers.InclusionProofSerializer,
    )
    def get(self, request: Request, listing_id: UUID, number: int) -> Response:
        reader = asker(request)
        listing = listing_for_reader(reader, listing_id)
        proof = selectors.proof_of(listing, number, delay=selectors.delay_of(listing, reader))
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


class RecordView(ApiView):
    """All that is sealed of a listing's record."""

    scope = Scope.READ

    @extend_schema(
        summary="Download the sealed record",
        description="Newline-delimited JSON: a header, then each seal followed by its fills in canonical form. Of a paid"
        " listing whoever does not subscribe gets what was sealed a day ago or earlier.",
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request, listing_id: UUID) -> StreamingHttpResponse:
        return record_answer(request._request, listing_for_reader(asker(request), listing_id), asker(request))


class PublishedBacktestView(ApiView):
    """The backtest that a listing shows."""

    scope = Scope.PUBLISH

    @extend_schema(summary="Read a listing's published backtest", responses=serializers.PublishedBacktestSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        found = PublishedBacktest.objects.filter(listing=listing).first()
        if found is None:
            raise NotFound("published backtest")
        shown = serializers.PublishedBacktestSerializer(found, context={"reader": asker(request)})
        return Response(shown.data)

    @extend_schema(
        summary="Publish a finished backtest of one's own",
        request=serializers.PublishBacktestSerializer,
        responses=serializers.PublishedBacktestSerializer,
    )
    def put(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_owner(asker(request), listing_id)
        wanted = serializers.PublishBacktestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        backtest = backtest_for_user(asker(request), wanted.validated_data["backtest"])
        found = publish_backtest(owner=asker(request), listing=listing, backtest=backtest)
        shown = serializers.PublishedBacktestSerializer(found, context={"reader": asker(request)})
        return Response(shown.data)


class ReproductionsView(ApiListView[Reproduction]):
    """Repetitions of it, computed anew."""

    scope = Scope.PUBLISH
    serializer_class = serializers.ReproductionSerializer
    queryset = Reproduction.objects.none()

    def get_queryset(self) -> QuerySet[Reproduction]:
        listing = listing_for_reader(asker(self.request), self.kwargs["listing_id"])
        return Reproduction.objects.filter(published__listing=listing, reader=asker(self.request))

    @extend_schema(summary="List one's own repetitions of a listing's backtest, newest first")
    def get(self, request: Request, listing_id: UUID) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="listings_reproductions_create",
        summary="Repeat a listing's published backtest",
        description="It is computed anew from the very same spec; read here what came out. The strategy stays sealed.",
        request=None,
        responses={202: serializers.ReproductionSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        made = request_reproduction(reader=asker(request), listing=listing)
        return Response(serializers.ReproductionSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class DriftView(ApiListView[DriftDay]):
    """What a listing's runs traded, beside what the engine would have."""

    scope = Scope.READ
    serializer_class = serializers.DriftDaySerializer
    queryset = DriftDay.objects.none()

    def get_queryset(self) -> QuerySet[DriftDay]:
        return drift_days(listing_for_reader(asker(self.request), self.kwargs["listing_id"]))

    @extend_schema(summary="List the days on which a listing's runs were compared with the engine, newest first")
    def get(self, request: Request, listing_id: UUID) -> Response:
        return self.list(request)
