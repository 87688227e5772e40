"""The API's door to what a position is traded on: leverage and margin mode."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from common.errors import NotFound
from engine.decimals import ZERO
from engine.margin import tier_at
from markets.models import Instrument
from markets.selectors import instrument_by_id
from portfolios.margin import position_on_margin, tiers_by_instrument
from portfolios.margin_models import MarginMode
from portfolios.models import Position
from portfolios.selectors import portfolio_for_user
from trading.services.margin_terms import set_margin_terms


class MarginTermsSerializer(serializers.Serializer[Any]):
    """What a position in a perpetual is traded on."""

    leverage = serializers.IntegerField(min_value=1)
    margin_mode = serializers.ChoiceField(
        choices=MarginMode.choices, help_text="What backs it: its own margin, or the portfolio's free cash."
    )
    max_leverage = serializers.IntegerField(read_only=True, help_text="Of a small position; large ones may use less.")


class MarginTermsView(ApiView):
    """Leverage and margin mode."""

    scope = Scope.TRADE

    @extend_schema(
        operation_id="margin_terms_retrieve",
        summary="Read what a portfolio's position in a perpetual is traded on",
        responses=MarginTermsSerializer,
    )
    def get(self, request: Request, portfolio_id: UUID, instrument_id: UUID) -> Response:
        portfolio, instrument = (
            portfolio_for_user(asker(request), portfolio_id, Permission.VIEW),
            instrument_by_id(instrument_id),
        )
        if not instrument.is_perpetual:
            raise NotFound("perpetual")
        return Response(_shown(position_on_margin(portfolio, instrument), instrument))

    @extend_schema(
        operation_id="margin_terms_update",
        summary="Choose leverage and margin mode",
        description="Refused while opens wait in this market, of an open position for the other margin mode, and where it"
        " would liquidate. The same again changes nothing.",
        request=MarginTermsSerializer,
        responses=MarginTermsSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID, instrument_id: UUID) -> Response:
        portfolio, instrument = (
            portfolio_for_user(asker(request), portfolio_id, Permission.TRADE),
            instrument_by_id(instrument_id),
        )
        wanted = MarginTermsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        position = set_margin_terms(
            actor=asker(request),
            portfolio=portfolio,
            instrument=instrument,
            leverage=wanted.validated_data["leverage"],
            mode=MarginMode(wanted.validated_data["margin_mode"]),
        )
        return Response(_shown(position, instrument))


def _shown(position: Position, instrument: Instrument) -> Any:
    most = tier_at(ZERO, tiers_by_instrument([instrument.pk])[instrument.pk]).max_leverage
    facts = {"leverage": position.leverage, "margin_mode": position.margin_mode, "max_leverage": most}
    return MarginTermsSerializer(facts).data
