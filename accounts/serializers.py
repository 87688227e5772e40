"""The shapes of the accounts API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import ApiToken, Invitation, Notification, User
from accounts.programs.scopes import ALL_SCOPES, Scope
from accounts.registry import Description, describe, event


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without itself; empty lists of networks and portfolios limit nothing."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), read_only=True)
    networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    portfolios = serializers.ListField(child=serializers.UUIDField(), read_only=True)

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "networks",
            "portfolios",
            "created_at",
            "last_used_at",
            "expires_at",
        ]
        read_only_fields = fields


class NewTokenSerializer(serializers.Serializer[Any]):
    """What it takes to get a token: a name, and the login of somebody who is not signed in."""

    name = serializers.CharField(max_length=60)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        default=list(ALL_SCOPES),
        allow_empty=False,
        max_length=len(ALL_SCOPES),
        help_text="What it may do; everything unless given.",
    )
    networks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        default=list,
        max_length=50,
        help_text="Addresses and networks that it may come from (192.0.2.7, 2001:db8::/32); any unless given.",
    )
    portfolios = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=200,
        help_text="The only portfolios of yours that it may reach; all unless given.",
    )
    email = serializers.EmailField(required=False, write_only=True)
    password = serializers.CharField(required=False, write_only=True, trim_whitespace=False, max_length=1000)
    code = serializers.CharField(
        required=False, write_only=True, max_length=20, help_text="Of the second factor, where one is set up."
    )


class IssuedTokenSerializer(TokenSerializer):
    """A new token with the token itself, shown this once."""

    token = serializers.SerializerMethodField()

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields

    def get_token(self, token: ApiToken) -> str:
        return str(self.context["secret"])


class PersonSerializer(serializers.ModelSerializer[User]):
    """Oneself."""

    handle = serializers.CharField(source="profile.handle", max_length=30)
    display_name = serializers.CharField(source="profile.display_name", max_length=60)
    bio = serializers.CharField(source="profile.bio", max_length=1000, allow_blank=True)

    class Meta:
        model = User
        fields = ["id", "email", "joined_at", "is_staff", "handle", "display_name", "bio"]
        read_only_fields = ["id", "email", "joined_at", "is_staff"]


class ProfileChangeSerializer(serializers.Serializer[Any]):
    handle = serializers.CharField(max_length=30, required=False)
    display_name = serializers.CharField(max_length=60, required=False)
    bio = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    title = serializers.SerializerMethodField()
    body = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    group = serializers.SerializerMethodField()
    severity = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ["id", "event", "group", "severity", "title", "body", "url", "context", "created_at", "read_at"]
        read_only_fields = fields

    def get_group(self, notification: Notification) -> str:
        return event(notification.event).group

    def get_severity(self, notification: Notification) -> str:
        return str(event(notification.event).severity)

    def get_title(self, notification: Notification) -> str:
        return _words(notification).title

    def get_body(self, notification: Notification) -> str:
        return _words(notification).body

    def get_url(self, notification: Notification) -> str:
        return _words(notification).url


def _words(notification: Notification) -> Description:
    return describe(notification.event, notification.context)


class MarkReadSerializer(serializers.Serializer[Any]):
    """Which notifications were read; all of them where no ids are given."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)


class MarkedSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField()


class NewInvitationSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(required=False, allow_blank=True, default="")
    valid_days = serializers.IntegerField(required=False, default=14, min_value=1, max_value=90)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    email = serializers.CharField(read_only=True, help_text="The one address it is for; empty where it is for any.")

    class Meta:
        model = Invitation
        fields = ["id", "code", "email", "created_at", "expires_at", "used_at"]
        read_only_fields = fields
