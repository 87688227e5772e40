"""The community API: the leaderboard, competitions, public profiles."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, unlimited_asker
from accounts.selectors import profile_by_handle
from common.errors import NotFound
from community import selectors, serializers
from community.models import Competition
from community.services.competitions import create_competition, enter_competition
from marketplace.selectors import leaderboard
from marketplace.serializers import RankedListingSerializer
from markets.selectors import asset_by_code, exchange_by_code, instrument_by_id
from portfolios.models import PortfolioKind

KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=PortfolioKind.values)


class LeaderboardView(ApiView):
    """The best listings of one kind."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the hundred best listings of one kind, by time-weighted return",
        parameters=[KIND],
        responses=RankedListingSerializer(many=True),
    )
    def get(self, request: Request, kind: str) -> Response:
        if kind.upper() not in PortfolioKind.values:
            raise NotFound("kind of portfolio")
        return Response(RankedListingSerializer(leaderboard(kind.upper()), many=True).data)


class CompetitionsView(ApiListView[Competition]):
    """All competitions."""

    scope = Scope.MANAGE
    serializer_class = serializers.CompetitionSerializer
    queryset = Competition.objects.none()

    def get_queryset(self) -> QuerySet[Competition]:
        return selectors.competitions().prefetch_related("allowed_instruments")

    @extend_schema(summary="List competitions")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="competitions_create",
        summary="Set up a competition, as an operator",
        request=serializers.CompetitionWriteSerializer,
        responses={201: serializers.CompetitionSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.CompetitionWriteSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        facts = dict(wanted.validated_data)
        facts["exchange"] = exchange_by_code(facts["exchange"])
        facts["settlement"] = asset_by_code(facts["settlement"])
        facts["allowed_instruments"] = [instrument_by_id(one) for one in facts["allowed_instruments"]]
        competition = create_competition(operator=asker(request), **facts)
        return Response(_shown(competition.pk), status=status.HTTP_201_CREATED)


class CompetitionView(ApiView):
    """One competition."""

    scope = Scope.READ

    @extend_schema(summary="Read a competition", responses=serializers.CompetitionSerializer)
    def get(self, request: Request, competition_id: UUID) -> Response:
        return Response(_shown(competition_id))


class RankingView(ApiView):
    """Where everybody stands."""

    scope = Scope.READ

    @extend_schema(
        summary="Read a competition's ranking",
        description="Live equity while it is open, the stored result once it is closed.",
        responses=serializers.StandingSerializer(many=True),
    )
    def get(self, request: Request, competition_id: UUID) -> Response:
        standings = selectors.ranking(selectors.competition_for_reader(competition_id))
        return Response(serializers.StandingSerializer(standings, many=True).data)


class EnterView(ApiView):
    """Taking part."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Enter a competition",
        description="Opens a portfolio with the starting capital, restricted to the allowed instruments.",
        request=None,
        responses={201: serializers.EntrySerializer},
    )
    def post(self, request: Request, competition_id: UUID) -> Response:
        competition = selectors.competition_for_reader(competition_id)
        entry = enter_competition(user=unlimited_asker(request), competition=competition)
        return Response(serializers.EntrySerializer(entry).data, status=status.HTTP_201_CREATED)


class ProfileView(ApiView):
    """A person, as others see them."""

    scope = Scope.READ

    @extend_schema(summary="Read a public profile", responses=serializers.PublicProfileSerializer)
    def get(self, request: Request, handle: str) -> Response:
        return Response(serializers.PublicProfileSerializer(profile_by_handle(handle)).data)


def _shown(competition_id: UUID) -> dict[str, object]:
    return serializers.CompetitionSerializer(selectors.competition_for_reader(competition_id)).data
