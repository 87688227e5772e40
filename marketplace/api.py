"""The marketplace API: listings to read, to publish and to follow."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from engine.decimals import money
from marketplace import selectors, serializers
from marketplace.curves import equity_points, tell_newest
from marketplace.limits import check_reruns
from marketplace.proofs.selectors import delay_of
from marketplace.publishing.serializers import ListingChangeSerializer, PublishSerializer
from marketplace.search.api import found_page
from marketplace.search.serializers import FoundQuerySerializer, FoundSerializer
from marketplace.services.listings import (
    follow_listing,
    publish_listing,
    save_draft,
    update_listing,
    withdraw_listing,
)
from portfolios.selectors import portfolio_for_user
from trading.copy_accounts.reruns import backtest_copy, forecast_fit
from trading.follow_models import StartMode

CURVE_POINTS = 1_000


class ListingsView(ApiView):
    """What is published."""

    scope = Scope.PUBLISH

    @extend_schema(
        operation_id="listings_list",
        summary="Search published listings",
        description="Values of one facet are alternatives, facets narrow each other. `facets` counts what each value would leave.",
        parameters=[FoundQuerySerializer],
        responses=FoundSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(found_page(request))

    @extend_schema(
        operation_id="listings_create",
        summary="Publish a portfolio of one's own",
        request=PublishSerializer,
        responses={201: serializers.ListingSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = PublishSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.said()
        portfolio = portfolio_for_user(asker(request), data.pop("portfolio"), Permission.PUBLISH)
        write = save_draft if data.pop("is_draft") else publish_listing
        listing = write(owner=asker(request), portfolio=portfolio, **data)
        return Response(_shown(request, listing.pk), status=status.HTTP_201_CREATED)


class ListingView(ApiView):
    """One listing."""

    scope = Scope.PUBLISH

    @extend_schema(summary="Read a listing", responses=serializers.ListingSerializer)
    def get(self, request: Request, listing_id: UUID) -> Response:
        return Response(_shown(request, listing_id))

    @extend_schema(
        summary="Change what one's listing says and offers",
        description="Public when it is through the gate: at once, unless a strategy is to be tested or an operator is to look at it.",
        request=ListingChangeSerializer,
        responses=serializers.ListingSerializer,
    )
    def patch(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_owner(asker(request), listing_id)
        wanted = ListingChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        update_listing(actor=asker(request), listing=listing, **wanted.said())
        return Response(_shown(request, listing_id))


class WithdrawView(ApiView):
    """The end of an offer."""

    scope = Scope.PUBLISH

    @extend_schema(
        summary="Withdraw one's listing",
        description="Nobody new may follow it; whoever does goes on.",
        request=None,
        responses=serializers.ListingSerializer,
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        withdraw_listing(actor=asker(request), listing=selectors.listing_for_owner(asker(request), listing_id))
        return Response(_shown(request, listing_id))


class EquityView(ApiView):
    """A listing's equity curve."""

    scope = Scope.READ

    @extend_schema(
        summary="Read a listing's equity curve",
        description="A paid listing's ends a day ago for whoever does not subscribe.",
        responses=serializers.ListingEquityPointSerializer(many=True),
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        points = [{"at": at, "equity": value} for at, value in equity_points(listing, asker(request))]
        return Response(serializers.ListingEquityPointSerializer(points, many=True).data)


class FitView(ApiView):
    """How well an amount fits."""

    scope = Scope.READ

    @extend_schema(
        summary="Forecast how well an amount fits a lead",
        description="What the venue's minimums would have skipped of the lead's last 90 days, how far the copy would have"
        " strayed, and the smallest amount that fits.",
        parameters=[serializers.SizingSerializer],
        responses=serializers.FitSerializer,
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        asked = serializers.SizingSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        check_reruns(request._request)
        settings = dict(asked.validated_data)
        amount, delay = settings.pop("amount"), delay_of(listing, asker(request))
        found = forecast_fit(lead=listing.portfolio, amount=amount, settings=settings, delay=delay)
        return Response(serializers.FitSerializer(found).data)


class CopyBacktestView(ApiView):
    """What following would have come to."""

    scope = Scope.READ

    @extend_schema(
        summary="Re-run a lead's trades at one's own size",
        description="Through the sizing, minimums and costs that copies pass; new trades only. Of a long history the"
        " newest 2,000 trades are taken, and a thousand points of the curve are returned.",
        parameters=[serializers.SinceStakeSerializer],
        responses=serializers.CopyBacktestSerializer,
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        asked = serializers.SinceStakeSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        check_reruns(request._request)
        share, delay = listing.profit_share_ratio, delay_of(listing, asker(request))
        found = backtest_copy(lead=listing.portfolio, profit_share_ratio=share, delay=delay, **asked.validated_data)
        points = found.result.curve[:: -max(1, len(found.result.curve) // CURVE_POINTS)][::-1]
        curve = [{"at": at, "equity": money(equity)} for at, equity in points]
        facts = {name: getattr(found, name) for name in ("since", "until", "multiplier", "result")}
        return Response(serializers.CopyBacktestSerializer({**facts, "curve": curve}).data)


class FollowView(ApiView):
    """The way to a listing's portfolio."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Follow a listing",
        description="Opens a portfolio for the follow, funds it from one of your own, and copies every later trade. Where the lead"
        " is full it is WAITING, and the money stays where it is until there is room.",
        request=serializers.FollowStartSerializer,
        responses={201: serializers.StartedFollowSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = selectors.listing_for_reader(asker(request), listing_id)
        wanted = serializers.FollowStartSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        guards, data = wanted.guards(), wanted.validated_data
        source, start = portfolio_for_user(asker(request), data.pop("from_portfolio")), StartMode(data.pop("start"))
        follow = follow_listing(
            follower=asker(request), listing=listing, source=source, start=start, guards=guards, **data
        )
        return Response(serializers.StartedFollowSerializer(follow).data, status=status.HTTP_201_CREATED)


def _shown(request: Request, listing_id: UUID) -> dict[str, object]:
    listing = selectors.listing_for_reader(asker(request), listing_id)
    tell_newest([listing], asker(request))
    return serializers.ListingSerializer(listing).data
