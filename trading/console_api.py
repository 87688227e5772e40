"""The API of who follows one's portfolio."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from markets.serializers import ExactField
from portfolios.selectors import portfolio_for_user
from trading.console import console_of


class ConsoleSerializer(fields.Serializer[Any]):
    """Who follows a portfolio, in figures; amounts in its settlement currency."""

    equity = ExactField(source="room.equity")
    followers = fields.IntegerField(source="room.followers")
    most_followers = fields.IntegerField(source="room.most_followers")
    copied_capital = ExactField(source="room.capital")
    most_capital = ExactField(source="room.most_capital")
    waiting = fields.IntegerField()
    copies_made = fields.IntegerField(source="copies.filled", help_text="Opens of the last seven days that filled.")
    copies_wanted = fields.IntegerField(source="copies.total")


class FollowersView(ApiView):
    """How one's portfolio is followed."""

    scope = Scope.READ

    @extend_schema(summary="Read how a portfolio is followed", responses=ConsoleSerializer)
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        return Response(
            ConsoleSerializer(console_of(portfolio_for_user(asker(request), portfolio_id, Permission.PUBLISH))).data
        )
