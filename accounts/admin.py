"""Operators' view of people. Tokens, sign-ins and the audit are only looked at."""

from __future__ import annotations

from typing import Any

# allauth and django.contrib.auth register theirs first, so that they can be taken off below.
import allauth.account.admin
import allauth.idp.oidc.admin
import allauth.mfa.admin
import allauth.socialaccount.admin
import allauth.usersessions.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.idp.oidc.models import Client, Token
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from accounts.models import ApiToken, AuditEntry, Invitation, Limit, Notification, Plan, Profile, SignIn, User
from accounts.services import audit, change_access, create_invitation, revoke_token
from accounts.teams import admin as _teams  # noqa: F401  # Django looks for an app's admin here
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.admin import ReadOnlyAdmin

# Addresses are shown with their user; rights are "operator" or nothing; whose accounts log in here is configuration.
_TAKEN_OFF = (
    Authenticator,
    Client,
    EmailAddress,
    EmailConfirmation,
    Group,
    SocialAccount,
    SocialApp,
    SocialToken,
    Token,
    UserSession,
)
for model in _TAKEN_OFF:
    if admin.site.is_registered(model):
        admin.site.unregister(model)

# Registered after what it replaces was taken off.
from accounts.security import admin as _apps  # noqa: E402, F401


class ProfileInline(StackedInline):  # type: ignore[misc]
    """The public face, to look at; the plan, to change."""

    model = Profile
    readonly_fields = ["handle", "display_name", "bio"]
    fields = ["handle", "display_name", "bio", "plan"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ModelAdmin):  # type: ignore[misc]
    """People. Who may come in, and who is an operator, is changed here; everything else by themselves."""

    list_display = ["email", "handle", "confirmed", "is_active", "is_staff", "joined_at"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "profile__handle", "profile__display_name"]
    ordering = ["-joined_at"]
    fields = ["id", "email", "joined_at", "last_login", "is_active", "is_staff", "is_superuser"]
    inlines = [ProfileInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = ["id", "email", "joined_at", "last_login"]
        return fixed if request.user.is_superuser else [*fixed, "is_staff", "is_superuser"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        verified = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
        queryset: QuerySet[User] = super().get_queryset(request)
        return queryset.select_related("profile").annotate(confirmed=Exists(verified))

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        change_access(user=obj, is_active=obj.is_active, is_staff=obj.is_staff, is_superuser=obj.is_superuser)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        held = Profile.objects.filter(user=form.instance).select_related("plan")
        before = held.get().plan
        super().save_related(request, form, formsets, change)
        after = held.get().plan
        if after != before:
            names = [plan and plan.name for plan in (before, after)]
            audit(action="plan.assigned", obj=form.instance, before={"plan": names[0]}, after={"plan": names[1]})

    @admin.display(ordering="profile__handle")
    def handle(self, user: User) -> str:
        return str(user.profile)

    @admin.display(boolean=True, ordering="confirmed")
    def confirmed(self, user: User) -> bool:
        return bool(getattr(user, "confirmed", False))


class LimitInline(TabularInline):  # type: ignore[misc]
    model = Limit
    extra = 0


@admin.register(Plan)
class PlanAdmin(ModelAdmin):  # type: ignore[misc]
    """Plans and their limits; every change is audited with the numbers that are in force after it."""

    list_display = ["name", "is_default"]
    fields = ["name"]
    inlines = [LimitInline]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = dict(form.instance.limits.values_list("name", "value"))
        super().save_related(request, form, formsets, change)
        after = dict(form.instance.limits.values_list("name", "value"))
        audit(action="plan.changed", obj=form.instance, before=before, after=after)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return bool(obj and not obj.is_default and super().has_delete_permission(request, obj))


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin):  # type: ignore[misc]
    """Invitations: made here, used once, never changed."""

    list_display = ["__str__", "link", "created_by", "expires_at", "used_by", "used_at"]
    list_select_related = ["created_by", "used_by"]
    search_fields = ["email", "code"]

    @admin.display(description="Link to send")
    def link(self, invitation: Invitation) -> str:
        return f"{settings.SITE_URL}{reverse('account_signup')}?invitation={invitation.code}"

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[str]:
        if obj is None:
            return ["email"]
        return ["email", "link", "created_by", "created_at", "expires_at", "used_by", "used_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: ModelForm[Invitation], change: bool) -> None:
        made = create_invitation(created_by=request.user, email=obj.email)  # type: ignore[arg-type]
        obj.pk, obj.code = made.pk, made.code


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "prefix", "user", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__email"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token=token)
        self.message_user(request, "Revoked.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["at", "actor", "role", "action", "object_kind", "object_id", "address"]
    list_filter = ["action"]
    list_select_related = ["actor"]
    search_fields = ["object_id", "actor__email", "request_id"]
    # Counting a table that only grows costs more than it tells.
    show_full_result_count = False


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["at", "user", "succeeded", "address", "user_agent"]
    list_filter = ["succeeded"]
    list_select_related = ["user"]
    search_fields = ["user__email", "address", "device_digest"]
    show_full_result_count = False


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["created_at", "user", "event", "read_at"]
    list_filter = ["event"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    show_full_result_count = False


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """Whose events go to which server. Neither its secrets nor its path, which at many receivers is one, is shown."""

    list_display = ["created_at", "user", "host", "failing_since", "disabled_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    fields = [
        "user",
        "host",
        "events",
        "created_at",
        "failing_since",
        "paused_until",
        "disabled_at",
        "old_secret_until",
    ]

    @admin.display
    def host(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What was sent and what came of it; what it said is its owner's."""

    list_display = ["created_at", "user", "event", "state", "attempts", "status", "latency_ms", "due_at"]
    list_filter = ["state", "event"]
    list_select_related = ["endpoint__user"]
    search_fields = ["event_id", "endpoint__user__email"]
    fields = [
        "user",
        "event",
        "event_id",
        "state",
        "attempts",
        "created_at",
        "due_at",
        "handed_at",
        "status",
        "excerpt",
    ]
    show_full_result_count = False

    @admin.display
    def user(self, delivery: WebhookDelivery) -> User:
        return delivery.endpoint.user
