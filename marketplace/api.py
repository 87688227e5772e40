"""The marketplace API: listings to read, to publish and to follow."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import asker
from marketplace import selectors, serializers
from marketplace.models import Listing
from marketplace.services.listings import follow_listing, publish_listing, update_listing, withdraw_listing
from portfolios.models import PortfolioKind
from portfolios.selectors import equity_curve, portfolio_for_user

KIND = OpenApiParameter("kind", str, enum=PortfolioKind.values, description="Only listings of this kind.")


class ListingsView(ListAPIView[Listing]):
    """What is published."""

    serializer_class = serializers.ListingSerializer
    queryset = Listing.objects.none()

    def get_queryset(self) -> QuerySet[Listing]:
        return selectors.published(self.request.query_params.get("kind") or None)

    @extend_schema(summary="List published listings", parameters=[KIND])
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="listings_create",
        summary="Publish a portfolio of one's own",
        request=serializers.PublishSerializer,
        responses={201: serializers.ListingSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.PublishSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        portfolio = portfolio_for_user(asker(request), data.pop("portfolio"))
        listing = publish_listing(owner=asker(request), portfolio=portfolio, **data)
        return Response(_shown(request, listing.pk), status=status.HTTP_201_CREATED)


class ListingView(APIView):
    """One listing."""

    @extend_schema(summary="Read a listing", responses=serializers.ListingSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        return Response(_shown(request, listing_id))

    @extend_schema(
        summary="Change what one's listing says",
        request=serializers.ListingChangeSerializer,
        responses=serializers.ListingSerializer,
    )
    def patch(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_owner(asker(request), listing_id)
        wanted = serializers.ListingChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        words = {"title": listing.title, "description": listing.description, **wanted.validated_data}
        update_listing(actor=asker(request), listing=listing, **words)
        return Response(_shown(request, listing_id))


class WithdrawView(APIView):
    """The end of an offer."""

    @extend_schema(
        summary="Withdraw one's listing",
        description="Nobody new may follow it; whoever does goes on.",
        request=None,
        responses=serializers.ListingSerializer,
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        withdraw_listing(actor=asker(request), listing=selectors.listing_for_owner(asker(request), listing_id))
        return Response(_shown(request, listing_id))


class EquityView(APIView):
    """A listing's equity curve."""

    @extend_schema(
        summary="Read a listing's equity curve", responses=serializers.ListingEquityPointSerializer(many=True)
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        points = [{"at": at, "equity": value} for at, value in equity_curve(listing.portfolio)]
        return Response(serializers.ListingEquityPointSerializer(points, many=True).data)


class FollowView(APIView):
    """The way to a listing's portfolio."""

    @extend_schema(
        summary="Follow a listing",
        description="Opens a portfolio for the follow, funds it from one of your own, and copies every later trade.",
        request=serializers.FollowStartSerializer,
        responses={201: serializers.StartedFollowSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        wanted = serializers.FollowStartSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        source = portfolio_for_user(asker(request), data.pop("from_portfolio"))
        follow = follow_listing(follower=asker(request), listing=listing, source=source, **data)
        return Response(serializers.StartedFollowSerializer(follow).data, status=status.HTTP_201_CREATED)


def _shown(request: Request, listing_id: UUID) -> dict[str, object]:
    return serializers.ListingSerializer(selectors.listing_for_reader(asker(request), listing_id)).data
