"""OAuth applications as askers of the API; named in settings where allauth's provider is installed.

An access token that this site's OpenID provider gave to an application does what its scopes say, as our own tokens do.
"""

from __future__ import annotations

from allauth.idp.oidc.contrib.rest_framework.authentication import TokenAuthentication as AllauthTokens
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import User
from accounts.programs.scopes import ALL_SCOPES, require_scope
from accounts.services.tokens import TOKEN_MARK


class OAuthAuthentication(BaseAuthentication):
    """Let in whoever presents an access token of an application; our own tokens are for the class after this one."""

    def authenticate(self, request: Request) -> tuple[User, object] | None:
        parts = get_authorization_header(request).split()
        is_other = len(parts) != 2 or parts[0].lower() != b"bearer" or parts[1].startswith(TOKEN_MARK.encode())
        if is_other:
            return None
        found = AllauthTokens().authenticate(request._request)
        user = found[0] if found else None
        # Applications without a person (client credentials) have nothing here that would be theirs.
        if found is None or not isinstance(user, User) or not user.is_active:
            raise AuthenticationFailed("This token is unknown, expired or revoked.", code="BAD_TOKEN")
        token = found[1]
        require_scope(set(token.get_scopes()) & set(ALL_SCOPES), request.parser_context["view"], request.method or "")
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class OAuthScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI schema names it."""

    target_class = OAuthAuthentication
    name = "oauth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"}
