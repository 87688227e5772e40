"""The API of profit shares and shortfall accounts; one's own follows only."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from common.errors import NotFound
from engine.decimals import money
from trading.copy_accounts import serializers
from trading.copy_accounts.differences import account_of, parts_of
from trading.copy_accounts.selectors import profit_share_of, settlements_of
from trading.selectors import follow_for_user

MOST_SETTLEMENTS = 100


class ProfitShareView(ApiView):
    """A follow's profit share."""

    scope = Scope.READ

    @extend_schema(
        summary="Read a follow's profit share",
        description="With every settlement and what it follows from. 404 where the follow shares no profit.",
        responses=serializers.ProfitShareSerializer,
    )
    def get(self, request: Request, follow_id: UUID) -> Response:
        follow = follow_for_user(asker(request), follow_id, Permission.VIEW)
        share = profit_share_of(follow)
        if share is None:
            raise NotFound("profit share")
        shown = {name: getattr(share, name) for name in ("account", "is_hypothetical", "settled", "accrued", "loss")}
        settlements = settlements_of(follow)[:MOST_SETTLEMENTS]
        return Response(serializers.ProfitShareSerializer({**shown, "settlements": settlements}).data)


class ShortfallView(ApiView):
    """A follow's shortfall account."""

    scope = Scope.READ

    @extend_schema(
        summary="Read why a follow's result differs from its lead's",
        description="From a perfect copy of the lead, part by part, to what the follow's books say, as prices stand now.",
        responses=serializers.ShortfallSerializer,
    )
    def get(self, request: Request, follow_id: UUID) -> Response:
        account = account_of(follow_for_user(asker(request), follow_id, Permission.VIEW))
        amounts = ("capital", "lead_profit", "follower_profit", "gap", "residual")
        facts = {name: money(getattr(account, name)) for name in amounts}
        parts = [{"part": part, "amount": money(amount), "ratio": ratio} for part, amount, ratio in parts_of(account)]
        returns = {
            "lead_return_ratio": account.ratio(account.lead_profit),
            "follower_return_ratio": account.ratio(account.follower_profit),
        }
        return Response(serializers.ShortfallSerializer({**facts, **returns, "parts": parts}).data)
