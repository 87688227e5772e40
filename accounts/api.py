"""The accounts API: tokens, oneself, notifications, invitations."""

from __future__ import annotations

import copy
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.account.models import EmailAddress
from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers
from accounts.models import ApiToken, Invitation, Notification, User
from accounts.notifying.selectors import found_notifications
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.registry import Severity
from accounts.requests import asker, client_address, unlimited_asker
from accounts.second_factor import check_code
from accounts.selectors import token_for_user, tokens_of
from accounts.services import (
    create_invitation,
    issue_token,
    mark_read,
    record_sign_in,
    revoke_token,
    update_profile,
)
from common.errors import DomainError
from common.limiter import limiter

# Token requests with a password: ten at once, then one every ten seconds, per network address; so second factors per account.
LOGIN_BURST = 10
LOGINS_PER_SECOND = 0.1


class SignedInToRead(IsAuthenticated):
    """Whoever asks for a token need not be signed in: the request carries the login."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method == "POST" or super().has_permission(request, view)


@extend_schema_view(get=extend_schema(summary="List one's tokens"))
class TokensView(ApiListView[ApiToken]):
    """List one's tokens, or get a new one."""

    scope = Scope.MANAGE
    permission_classes = [SignedInToRead]
    serializer_class = serializers.TokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        return tokens_of(asker(self.request))

    @extend_schema(
        operation_id="tokens_create",
        summary="Get a token, with e-mail and password or from a signed-in page",
        description="The token is in the answer this once. A token cannot be used to get another.",
        request=serializers.NewTokenSerializer,
        responses={201: serializers.IssuedTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewTokenSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        user = _token_owner(request, data.get("email", ""), data.get("password", ""), data.get("code", ""))
        asked = ("name", "expires_at", "scopes", "networks", "portfolios")
        token, secret = issue_token(user=user, **{name: data[name] for name in asked})
        shown = serializers.IssuedTokenSerializer(token, context={"secret": secret})
        return Response(shown.data, status=status.HTTP_201_CREATED)


class TokenView(ApiView):
    """One of one's tokens."""

    scope = Scope.MANAGE

    @extend_schema(summary="Read a token", responses=serializers.TokenSerializer)
    def get(self, request: Request, token_id: UUID) -> Response:
        return Response(serializers.TokenSerializer(token_for_user(asker(request), token_id)).data)

    @extend_schema(summary="Revoke a token", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        token = token_for_user(asker(request), token_id)
        # A token may always end itself; one that is limited to portfolios no other.
        if token != request.auth:
            unlimited_asker(request)
        revoke_token(token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(ApiView):
    """Oneself."""

    scope = Scope.MANAGE

    @extend_schema(summary="Read one's account and profile", responses=serializers.PersonSerializer)
    def get(self, request: Request) -> Response:
        return Response(serializers.PersonSerializer(asker(request)).data)

    @extend_schema(
        summary="Change one's profile",
        request=serializers.ProfileChangeSerializer,
        responses=serializers.PersonSerializer,
    )
    def patch(self, request: Request) -> Response:
        changes = serializers.ProfileChangeSerializer(data=request.data)
        changes.is_valid(raise_exception=True)
        update_profile(user=asker(request), **changes.validated_data)
        return Response(serializers.PersonSerializer(asker(request)).data)


@extend_schema(
    summary="List one's notifications",
    parameters=[
        OpenApiParameter("unread", bool, description="Only those not read yet."),
        OpenApiParameter("group", str, description="Only those of a subject, as the notification settings name it."),
        OpenApiParameter("severity", str, enum=Severity.values, description="Only those that matter so much."),
    ],
)
class NotificationsView(ApiListView[Notification]):
    """One's notifications, newest first."""

    scope = Scope.READ
    serializer_class = serializers.NotificationSerializer
    queryset = Notification.objects.none()

    def get_queryset(self) -> QuerySet[Notification]:
        told = self.request.query_params
        return found_notifications(
            unlimited_asker(self.request),
            unread=told.get("unread", "").lower() in {"1", "true"},
            group=told.get("group", ""),
            severity=told.get("severity", ""),
        )


class MarkReadView(ApiView):
    """Notifications read."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Mark notifications as read",
        request=serializers.MarkReadSerializer,
        responses=serializers.MarkedSerializer,
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.MarkReadSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response({"marked": mark_read(user=unlimited_asker(request), ids=wanted.validated_data.get("ids"))})


@extend_schema_view(get=extend_schema(summary="List invitations"))
class InvitationsView(ApiListView[Invitation]):
    """Invitations, for operators."""

    scope = Scope.MANAGE
    permission_classes = [IsAdminUser]
    serializer_class = serializers.InvitationSerializer
    queryset = Invitation.objects.all()

    @extend_schema(
        summary="Invite somebody",
        request=serializers.NewInvitationSerializer,
        responses={201: serializers.InvitationSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewInvitationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        invitation = create_invitation(created_by=asker(request), **wanted.validated_data)
        return Response(serializers.InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


def _token_owner(request: Request, email: str, password: str, code: str) -> User:
    """Return who wants a token: the person signed in to the page, or whoever has this login, second factor included."""
    # Of an app's own session (X-Session-Token); a page's is the request's.
    session: object = request.auth
    if session is not None and not isinstance(session, SessionBase):
        message = "A token cannot get another one: use e-mail and password, or the tokens page."
        raise DomainError("TOKEN_CANNOT_ISSUE", message, status=403)
    if isinstance(request.user, User):
        asked = copy.copy(request._request)
        if isinstance(session, SessionBase):
            asked.session = session
        # As on the tokens page: a token outlives the session that somebody left open.
        if not did_recently_reauthenticate(asked):
            raise DomainError("REAUTHENTICATION_NEEDED", "Log in once more, then ask again.", status=403)
        return request.user
    if not email or not password:
        raise DomainError("LOGIN_MISSING", "Send the e-mail and password of your account.", status=401)
    return _login(request._request, email, password, code)


def _login(request: HttpRequest, email: str, password: str, code: str) -> User:
    # Not by the account as well: a stranger's tries would keep its owner out. Failures are counted in accounts/lockout.py.
    _take_try(f"login:{client_address(request)}")
    try:
        # allauth's way: it counts failures per account, and Django announces them to the sign-in log.
        user = get_adapter(request).authenticate(request, email=email, password=password)
    except forms.ValidationError as error:
        raise Throttled(detail=error.messages[0]) from None
    if not isinstance(user, User) or not user.is_active:
        raise DomainError("LOGIN_REFUSED", "This e-mail and password do not open an account.", status=401)
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        message = "Confirm your e-mail address first: the code is in the mail we sent you."
        raise DomainError("EMAIL_NOT_CONFIRMED", message, status=403)
    _check_factor(user, code)
    record_sign_in(email=email, user=user, succeeded=True)
    return user


def _check_factor(user: User, code: str) -> None:
    """Check the second factor of somebody who knows the password; tries are counted wherever they come from."""
    if code:
        _take_try(f"login-code:{user.pk}")
    try:
        check_code(user, code)
    except DomainError:
        if code:
            record_sign_in(email=user.email, user=user, succeeded=False)
        raise


def _take_try(key: str) -> None:
    if wait := limiter().take(key, per_second=LOGINS_PER_SECOND, burst=LOGIN_BURST):
        raise Throttled(wait, "Too many attempts: wait a little.")
