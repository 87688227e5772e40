"""Apps that signed somebody in through allauth.headless, as askers of the API: `X-Session-Token`."""

from __future__ import annotations

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class AppSessionAuthentication(XSessionTokenAuthentication):  # type: ignore[misc]
    """A token that opens no session is refused, not taken for nobody."""

    allow_anonymous_users = False
    allow_invalid_session_tokens = False


class AppSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI schema names it."""

    target_class = AppSessionAuthentication
    name = "appSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token"}
