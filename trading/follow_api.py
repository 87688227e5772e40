"""The API of what guards a follow, and of the terms that whoever follows accepts."""

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
from trading.copy_terms import TERMS, TERMS_VERSION
from trading.follow_models import FollowGuard
from trading.selectors import follow_for_user
from trading.serializers import GuardSerializer, GuardsSerializer
from trading.services.follow_guards import change_guards
from trading.services.protecting import change_protection, share_of


class GuardsView(ApiView):
    """What a follow may lose."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a follow's guards", responses=GuardSerializer)
    def get(self, request: Request, follow_id: UUID) -> Response:
        return Response(_shown(follow_for_user(asker(request), follow_id, Permission.VIEW).pk))

    @extend_schema(
        summary="Set a follow's guards",
        description="They hold from now on. A field that is left out gets its default; null is no guard.",
        request=GuardsSerializer,
        responses=GuardSerializer,
    )
    def put(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id)
        wanted = GuardsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        change_guards(actor=asker(request), follow=found, guards=wanted.guards())
        return Response(_shown(found.pk))


class ProtectionSerializer(serializers.Serializer[Any]):
    """How far from its entry (0.01 to 0.5) each position is stopped at the exchange itself; null is no stop there."""

    share = serializers.DecimalField(max_digits=5, decimal_places=4, allow_null=True)


class ProtectionView(ApiView):
    """The protective stop of a live follow."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a follow's protective stop", responses=ProtectionSerializer)
    def get(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id, Permission.VIEW)
        return Response(ProtectionSerializer({"share": share_of(found)}).data)

    @extend_schema(
        summary="Set a follow's protective stop",
        description="What rests at the exchange is moved, or taken away, within seconds.",
        request=ProtectionSerializer,
        responses=ProtectionSerializer,
    )
    def put(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id)
        wanted = ProtectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        change_protection(actor=asker(request), follow=found, share=wanted.validated_data["share"])
        return Response(ProtectionSerializer({"share": share_of(found)}).data)


class TermsSerializer(serializers.Serializer[Any]):
    """The terms of copying, one sentence each, and the name of this version of them."""

    version = serializers.CharField()
    terms = serializers.ListField(child=serializers.CharField())


class TermsView(ApiView):
    """What whoever follows accepts."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the terms of copying",
        description="A follow is started with `accepted_terms`, the version of these.",
        responses=TermsSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(TermsSerializer({"version": TERMS_VERSION, "terms": TERMS}).data)


def _shown(follow_id: UUID) -> object:
    row = FollowGuard.objects.filter(pk=follow_id).first()
    if row is None:
        raise NotFound("guard of this follow")
    return GuardSerializer(row).data
