"""JSON as the API sends it: by orjson, with decimals as exact text and times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer

from common.fields import canonical

_OPTIONS = orjson.OPT_UTC_Z


def to_json(data: Any) -> bytes:
    """Return `data` as JSON; raises TypeError for what orjson does not know."""
    return orjson.dumps(data, default=_text, option=_OPTIONS)


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


class FastJSON(JSONRenderer):
    """Renders by orjson; what that does not know (huge integers, lazy texts) by Django REST framework's own encoder."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is None:
            return b""
        try:
            return to_json(data)
        except TypeError:
            return super().render(data, accepted_media_type, renderer_context)
