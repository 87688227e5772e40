"""The API of grants: which versions of others' strategies one may use."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from strategies.faces import faces_of
from strategies.grants.models import StrategyGrant
from strategies.grants.selectors import grants_of


class GrantSerializer(serializers.ModelSerializer[StrategyGrant]):
    """The right to use a version: name it where a run or a backtest asks for a `version`."""

    strategy_name = serializers.CharField(source="version.strategy.name", read_only=True)
    number = serializers.IntegerField(source="version.number", read_only=True)
    author = serializers.CharField(source="version.strategy.owner.profile.handle", read_only=True)
    symbol = serializers.CharField(source="version.instrument.symbol", read_only=True)
    timeframe = serializers.CharField(source="version.timeframe", read_only=True)
    formula = serializers.SerializerMethodField(help_text="What it does; null where its author sealed it.")

    class Meta:
        model = StrategyGrant
        fields = [
            "id",
            "version",
            "strategy_name",
            "number",
            "author",
            "symbol",
            "timeframe",
            "until",
            "granted_at",
            "formula",
        ]
        read_only_fields = fields

    def get_formula(self, grant: StrategyGrant) -> str | None:
        return faces_of(grant.version.graph).formula if grant.shows_source else None


class GrantsView(ApiListView[StrategyGrant]):
    """What was granted to one."""

    scope = Scope.READ
    serializer_class = GrantSerializer
    queryset = StrategyGrant.objects.none()

    def get_queryset(self) -> QuerySet[StrategyGrant]:
        return grants_of(asker(self.request))

    @extend_schema(operation_id="strategy_grants_list", summary="List the strategies of others that one may use")
    def get(self, request: Request) -> Response:
        return self.list(request)
