"""How a program proves who it is: `Authorization: Bearer <token>` (a door of the API; sessions serve the pages)."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.programs.checking import program_of, require_address
from accounts.programs.scopes import require_scope
from accounts.requests import client_address
from accounts.services.tokens import record_token_use
from common.errors import DomainError


class TokenAuthentication(BaseAuthentication):
    """Let in whoever presents a valid API token, from an address and for an act that it is good for.

    Requests without one are left to the session, and tokens that are none of ours to OAuth.
    """

    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        try:
            program = program_of(parts[1].decode("ascii") if len(parts) == 2 else "")
        except (DomainError, UnicodeDecodeError) as error:
            refused = error.message if isinstance(error, DomainError) else "This token holds characters no token has."
            raise AuthenticationFailed(refused, code="BAD_TOKEN") from None
        if program.networks:
            require_address(program.networks, client_address(request._request))
        require_scope(program.token.scopes, request.parser_context["view"], request.method or "")
        record_token_use(token=program.token)
        request._request.program = program  # type: ignore[attr-defined]  # what the rate is counted by
        return program.user(), program.token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI schema names it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from POST /api/v1/tokens/."}
