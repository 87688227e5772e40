"""The second factor: how its secrets are stored, and the gate for acts that need one used within the last 15 minutes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from urllib.parse import urlencode

import qrcode
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from qrcode.image.svg import SvgPathFillImage
from rest_framework.request import Request

from accounts.models import ApiToken, User
from common.clock import wall_now
from common.errors import DomainError

FRESH_FOR = timedelta(minutes=15)
CODE = "SECOND_FACTOR_NEEDED"
# Recovery codes alone are none: they stand in for one of these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# What could be used to get around the second factor needs it.
GUARDED = frozenset(
    {
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_add_webauthn",
        "mfa_remove_webauthn",
    }
)


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's questions answered our way: what it stores opens with the site's secret key alone, not with a dump."""

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code on white, whatever the page's theme: on a dark ground no camera reads it."""
        image = qrcode.make(url, image_factory=SvgPathFillImage)
        return str(image.to_string(encoding="unicode"))

    def encrypt(self, text: str) -> str:
        return _cipher(settings.SECRET_KEY).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher(settings.SECRET_KEY).decrypt(encrypted_text.encode()).decode()


@cache
def _cipher(secret_key: str) -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"slipstream second factor").derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def has_second_factor(user: User) -> bool:
    """Tell whether the user has set one up; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def has_fresh_factor(request: HttpRequest | Request) -> bool:
    """Tell whether this session used a second factor within the last 15 minutes. A token's program never did."""
    plain = request._request if isinstance(request, Request) else request
    if not isinstance(request.user, User) or isinstance(getattr(request, "auth", None), ApiToken):
        return False
    if not has_second_factor(request.user):
        return False
    oldest = (wall_now() - FRESH_FOR).timestamp()
    records = get_authentication_records(plain, request.user)
    return any(one["method"] == "mfa" and one["at"] > oldest for one in records)


def require_fresh_factor(request: HttpRequest | Request) -> None:
    """Gate: raise DomainError SECOND_FACTOR_NEEDED (403) unless this session used a second factor within 15 minutes."""
    if has_fresh_factor(request):
        return
    is_set_up = isinstance(request.user, User) and has_second_factor(request.user)
    if isinstance(getattr(request, "auth", None), ApiToken):
        message = "A token cannot do this: sign in to the pages with your second factor."
    elif is_set_up:
        message = "Confirm with your second factor first; it counts for 15 minutes."
    else:
        message = "Set up a second factor first: Account, Second factor."
    raise DomainError(CODE, message, {"is_set_up": is_set_up}, status=403)


def check_code(user: User, code: str) -> None:
    """Raise DomainError SECOND_FACTOR_NEEDED or SECOND_FACTOR_WRONG (403) unless `code` is one of the user's, where one is due."""
    if not has_second_factor(user):
        return
    if not code:
        raise DomainError(
            CODE,
            "Send the code of your authenticator app, or a recovery code, as `code`, too.",
            {"is_set_up": True},
            403,
        )
    # A passkey needs a browser; who has nothing else sends a recovery code.
    mine = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    if not any(one.wrap().validate_code(code) for one in mine):
        raise DomainError(
            "SECOND_FACTOR_WRONG", "This code is wrong or was used before: send the next one.", status=403
        )


class SecondFactorMiddleware:
    """Lead a page's reader who lacks a fresh factor to where they confirm it, or set one up; guard allauth's own pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: dict[str, object]
    ) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or match.url_name not in GUARDED or not isinstance(request.user, User):
            return None
        return _confirm(request) if has_second_factor(request.user) and not has_fresh_factor(request) else None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What was sent is not kept for afterwards: it may be a secret."""
        if not isinstance(error, DomainError) or error.code != CODE:
            return None
        if "application/json" in request.headers.get("Accept", ""):
            return None
        return _confirm(request) if error.context["is_set_up"] else _set_up(request)


def _confirm(request: HttpRequest) -> HttpResponseRedirect:
    """Ask for the code of an app where there is one, else for a passkey; each page leads to the other."""
    has_app = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP).exists()
    page = reverse("mfa_reauthenticate" if has_app else "mfa_reauthenticate_webauthn")
    return HttpResponseRedirect(f"{page}?{urlencode({'next': request.get_full_path()})}")


def _set_up(request: HttpRequest) -> HttpResponseRedirect:
    messages.warning(request, "Real money needs a second factor: set one up here, then come back.")
    return HttpResponseRedirect(reverse("mfa_index"))
