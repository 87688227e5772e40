"""The site as an OpenID provider: which key signs, what other apps may learn of a person, and whom a form may lead to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allauth.idp.oidc import views
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client, PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.services import audit
from common.ids import new_id, new_token

KEY_BITS = 2048


class ProviderAdapter(DefaultOIDCAdapter):  # type: ignore[misc]
    """allauth's questions answered our way."""

    def generate_client_id(self) -> str:
        return new_id().hex

    def generate_client_secret(self) -> str:
        return new_token()

    def list_private_keys(self, *, did_activate: Any = None, is_active: Any = None) -> list[PrivateKey]:
        """Return the key of the settings; none where they name none, and then nothing can be signed."""
        pem = settings.IDENTITY_KEY or _stored(settings.IDENTITY_KEY_FILE)
        return [PrivateKey(pem=pem)] if pem else []

    def get_claims(
        self, purpose: Any, user: User, client: Client, scopes: Iterable[str], email: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Tell, under `profile`, what everybody sees of the person: the handle and the name."""
        claims: dict[str, Any] = super().get_claims(purpose, user, client, scopes, email, **kwargs)
        if "profile" in scopes:
            claims |= {"preferred_username": user.profile.handle, "name": user.profile.display_name}
        return claims


@cache
def _stored(path: str) -> str:
    """Return the key in the file; one that is named and not there is made at the first question, for its owner alone."""
    if not path:
        return ""
    file = Path(path)
    if not file.exists():
        _make(file)
    return file.read_text()


def _make(path: Path) -> None:
    """Write a fresh key; where two processes do so at once, the first one's stays."""
    pem = generate_private_key(65537, KEY_BITS).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


class _Consent(views.AuthorizationView):  # type: ignore[misc]
    """allauth's page; what somebody lets an app do is an act of theirs."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        client = Client.objects.get(pk=self._request_info["client_id"])
        audit(action="app.granted", obj=client, after={"scopes": sorted(form.cleaned_data["scopes"])})
        return response


_consent = _Consent.as_view()


def authorize(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Ask for consent; the answer leads to the app, which browsers allow only where the page's policy names it."""
    response: HttpResponseBase = _consent(request, *args, **kwargs)
    if origin := _destination(request):
        response._csp_update = {"form-action": [origin]}  # type: ignore[attr-defined]
    return response


def no_devices(request: HttpRequest) -> HttpResponseBase:
    """Have no page where a device without a browser is let in: allauth's takes its answer without a CSRF token."""
    raise Http404


def _destination(request: HttpRequest) -> str:
    """Return the origin that this request's registered app has itself sent to; nothing for anybody else's."""
    client_id, address = request.GET.get("client_id", ""), request.GET.get("redirect_uri", "")
    try:
        client = Client.objects.filter(pk=client_id).first()
    except ValidationError:
        return ""
    if client is None or (address and address not in client.get_redirect_uris()):
        return ""
    parts = urlsplit(address or next(iter(client.get_redirect_uris()), ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""
