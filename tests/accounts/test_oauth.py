"""Access tokens of OAuth applications at the API, where the OpenID provider is installed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from common.clock import wall_now

pytestmark = pytest.mark.skipif(
    not apps.is_installed("allauth.idp.oidc"), reason="the OpenID provider is not installed"
)
ME = "/api/v1/me/"


def _application(user: User | None, *scopes: str, seconds: float = 60) -> APIClient:
    from allauth.idp.oidc.models import Client, Token  # only where it is installed

    client = Client.objects.create(name="Charts", owner=user)
    token = Token(type=Token.Type.ACCESS_TOKEN, client=client, user=user)
    token.expires_at = wall_now() + timedelta(seconds=seconds)
    value = f"access-{'-'.join(scopes)}-{seconds}"
    token.set_value(value)
    token.set_scopes(["openid", *scopes])
    token.save()
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {value}")
    return api


def test_an_application_does_what_its_scopes_say(alice: User) -> None:
    reader = _application(alice, "read")
    assert reader.get(ME).json()["email"] == alice.email
    refused = reader.patch(ME, {"bio": "x"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_MISSING")
    alice.profile.refresh_from_db()
    assert alice.profile.bio == ""
    assert _application(alice, "read", "manage").patch(ME, {"bio": "x"}, format="json").status_code == 200


def test_what_is_over_unknown_or_nobodys_is_refused(alice: User) -> None:
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION="Bearer no-such-token")
    for api in (_application(alice, "read", seconds=-1), stranger, _application(None, "read")):
        answer = api.get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "BAD_TOKEN")


def test_an_application_makes_no_tokens(alice: User) -> None:
    answer = _application(alice, "manage").post("/api/v1/tokens/", {"name": "bot"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "TOKEN_CANNOT_ISSUE")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(("scopes", "is_valid"), [("openid\nemail", True), ("openid\nmanage", False), ("", False)])
def test_an_application_is_registered_for_what_the_consent_page_has_words_for(
    db: None, scopes: str, is_valid: bool
) -> None:
    from accounts.security.admin import ClientForm  # only where the provider is installed

    told = {"name": "Charts", "type": "confidential", "redirect_uris": "https://charts.example/back"}
    form = ClientForm({**told, "scopes": scopes, "grant_types": "authorization_code"})
    assert form.is_valid() is is_valid
    assert ("scopes" in form.errors) is not is_valid
