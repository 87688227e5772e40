"""The live protocol's description for programs: GET /api/v1/asyncapi.yaml. OpenAPI has no words for a socket."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def asyncapi(request: HttpRequest) -> HttpResponse:
    """Answer the document, with this site as the server."""
    scheme = "wss" if request.is_secure() else "ws"
    text = _document().replace("protocol: wss", f"protocol: {scheme}", 1)
    text = text.replace("default: localhost:8000", f"default: {request.get_host()}", 1)
    return HttpResponse(text, content_type="application/yaml")


@cache
def _document() -> str:
    return (settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text()
