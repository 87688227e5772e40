"""The API of how one is told: settings, browsers, Telegram, phone, the log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.notifying import serializers
from accounts.notifying.models import Delivery, PushSubscription
from accounts.notifying.selectors import (
    channel_states,
    deliveries_of,
    matrix_of,
    reach_of,
    subscription_for_user,
    subscriptions_of,
)
from accounts.notifying.services import browsers, chats, choices, phones
from accounts.notifying.vapid import public_key
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import unlimited_asker

_HOURS = ("timezone", "quiet_from", "quiet_until", "digest", "digest_at")


class NotificationSettingsView(ApiView):
    """How one is told."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Read how one is told: hours, channels, and every event's choices",
        responses=serializers.NotificationSettingsSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(_settings(unlimited_asker(request)))

    @extend_schema(
        summary="Change how one is told",
        description="What is not sent stays. Quiet hours are sent together.",
        request=serializers.ChangedSettingsSerializer,
        responses=serializers.NotificationSettingsSerializer,
    )
    def patch(self, request: Request) -> Response:
        wanted = serializers.ChangedSettingsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        told, user = wanted.validated_data, unlimited_asker(request)
        made = {(one["event"], one["channel"]): one["is_on"] for one in told.get("choices", [])}
        choices.change_settings(user=user, choices=made, hours={name: told[name] for name in _HOURS if name in told})
        return Response(_settings(user))


def _settings(user: User) -> dict[str, Any]:
    reach, matrix = reach_of(user), matrix_of(user)
    rows = [(group, row) for group, found in matrix.items() for row in found]
    told = {
        **{name: getattr(reach, name) for name in _HOURS},
        "channels": channel_states(user),
        "events": [
            {
                "event": row.event,
                "label": row.label,
                "group": group,
                "severity": row.severity,
                "is_security": row.is_security,
            }
            for group, row in rows
        ],
        "choices": [cell for _, row in rows for cell in row.cells],
        "telegram": reach.telegram_name,
        "phone": reach.phone,
        "phone_verified_at": reach.phone_verified_at,
        "push_key": public_key(),
    }
    return dict(serializers.NotificationSettingsSerializer(told).data)


@extend_schema_view(get=extend_schema(summary="List what was sent to one, and what came of it"))
class DeliveriesView(ApiListView[Delivery]):
    """What was sent, newest first."""

    scope = Scope.READ
    serializer_class = serializers.DeliverySerializer
    queryset = Delivery.objects.none()

    def get_queryset(self) -> QuerySet[Delivery]:
        return deliveries_of(unlimited_asker(self.request))


@extend_schema_view(get=extend_schema(summary="List one's browsers that are told"))
class PushSubscriptionsView(ApiListView[PushSubscription]):
    """Browsers that are told though no page is open."""

    scope = Scope.MANAGE
    serializer_class = serializers.PushSubscriptionSerializer
    queryset = PushSubscription.objects.none()

    def get_queryset(self) -> QuerySet[PushSubscription]:
        return subscriptions_of(unlimited_asker(self.request))

    @extend_schema(
        operation_id="push_subscriptions_create",
        summary="Have a browser told",
        request=serializers.NewPushSubscriptionSerializer,
        responses={201: serializers.PushSubscriptionSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewPushSubscriptionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made = browsers.subscribe_browser(user=unlimited_asker(request), **wanted.validated_data)
        return Response(serializers.PushSubscriptionSerializer(made).data, status=status.HTTP_201_CREATED)


class PushSubscriptionView(ApiView):
    """One of one's browsers."""

    scope = Scope.MANAGE

    @extend_schema(summary="Tell a browser nothing any more", responses={204: None})
    def delete(self, request: Request, browser_id: UUID) -> Response:
        browsers.forget_browser(subscription=subscription_for_user(unlimited_asker(request), browser_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TelegramView(ApiView):
    """One's Telegram chat."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Get a code that links a Telegram chat",
        request=None,
        responses={201: serializers.TelegramLinkSerializer},
    )
    def post(self, request: Request) -> Response:
        code = chats.begin_linking(user=unlimited_asker(request))
        return Response({"code": code, "link": chats.link_address(code)}, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Unlink one's Telegram chat", responses={204: None})
    def delete(self, request: Request) -> Response:
        chats.unlink_chat(user=unlimited_asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PhoneView(ApiView):
    """One's phone number."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Name one's number and have a code sent to it",
        request=serializers.PhoneSerializer,
        responses={202: serializers.PhoneSerializer},
    )
    def put(self, request: Request) -> Response:
        wanted = serializers.PhoneSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        phones.name_number(user=unlimited_asker(request), **wanted.validated_data)
        return Response(wanted.validated_data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Have one's number forgotten", responses={204: None})
    def delete(self, request: Request) -> Response:
        phones.forget_number(user=unlimited_asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PhoneCodeView(ApiView):
    """The code that was sent to one's phone."""

    scope = Scope.MANAGE
    # A wrong try is counted and refused: the refusal must not undo the count.
    is_atomic = False

    @extend_schema(
        summary="Confirm one's number with the code", request=serializers.PhoneCodeSerializer, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.PhoneCodeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        phones.verify_number(user=unlimited_asker(request), **wanted.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TestView(ApiView):
    """A test of how one is told."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Have a test sent on every channel",
        request=None,
        responses={201: serializers.TestSentSerializer},
    )
    def post(self, request: Request) -> Response:
        made = choices.send_test(user=unlimited_asker(request))
        return Response({"notification": str(made.pk)}, status=status.HTTP_201_CREATED)
