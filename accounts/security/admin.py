"""Operators' view of the apps that log in with accounts of ours: registered here, their secret shown once."""

from __future__ import annotations

from typing import Any

from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Client, Token
from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.services import audit
from common.admin import ReadOnlyAdmin

# No device codes: see accounts/provider.py.
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
SCOPES = ("openid", "email", "profile")


class ClientForm(ModelForm):  # type: ignore[type-arg]
    """What other apps may ask for is what the consent page has words for."""

    class Meta:
        model = Client
        fields = ["name", "type", "redirect_uris", "scopes", "grant_types", "cors_origins"]

    def clean_redirect_uris(self) -> str:
        found = [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]
        if not found or not all(one.startswith(("https://", "http://127.0.0.1", "http://localhost")) for one in found):
            raise forms.ValidationError("Give at least one address; https, except on this machine.")
        return "\n".join(found)

    def clean_scopes(self) -> str:
        # An app learns who somebody is; what acts for them is a token of their own making.
        found = self.cleaned_data["scopes"].split()
        if not found or not set(found) <= set(SCOPES):
            raise forms.ValidationError(f"Choose among {', '.join(SCOPES)}, one a line.")
        return "\n".join(found)

    def clean_grant_types(self) -> str:
        found = [line.strip() for line in self.cleaned_data["grant_types"].splitlines() if line.strip()]
        if not found or not set(found) <= set(GRANTS):
            raise forms.ValidationError(f"Choose among {', '.join(GRANTS)}, one a line.")
        return "\n".join(found)


@admin.register(Client)
class ClientAdmin(ModelAdmin):  # type: ignore[misc]
    """Apps. Consent is always asked for: a person decides who learns their address."""

    form = ClientForm
    list_display = ["name", "id", "type", "created_at"]
    search_fields = ["name", "id"]
    readonly_fields = ["id", "created_at"]
    fields = ["id", "created_at", "name", "type", "redirect_uris", "scopes", "grant_types", "cors_origins"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"scopes": "\n".join(SCOPES), "grant_types": "authorization_code\nrefresh_token"}

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:
        if not change:
            secret = get_adapter().generate_client_secret()
            obj.set_secret(secret)
            obj.owner = request.user
            self.message_user(request, f"The app's secret, shown this once: {secret}", level=messages.WARNING)
        super().save_model(request, obj, form, change)
        audit(action="app.changed" if change else "app.registered", obj=obj, after={"name": obj.name})

    def delete_model(self, request: HttpRequest, obj: Client) -> None:
        audit(action="app.removed", obj=obj, before={"name": obj.name})
        super().delete_model(request, obj)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["client", "type", "user", "created_at", "expires_at"]
    list_filter = ["type"]
    list_select_related = ["client", "user"]
    search_fields = ["user__email", "client__name"]
    fields = ["client", "type", "user", "scopes", "created_at", "expires_at"]
