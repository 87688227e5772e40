"""JSON as the API sends it: by orjson, with decimals as exact text and times in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from common.fields import canonical

_OPTIONS = orjson.OPT_UTC_Z


def to_json(data: Any) -> bytes:
    """Return `data` as JSON; raises TypeError for what orjson does not know."""
    return orjson.dumps(data, default=_text, option=_OPTIONS)


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


class KnownFormats(DefaultContentNegotiation):
    """Lets `?format=` go before `Accept`, and answers one that is unknown with words instead of a 404."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        offered = {str(one.format): one for one in renderers}
        wanted = request.query_params.get("format")
        if not wanted:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, offered.values(), format_suffix)
            return chosen
        if wanted not in offered:
            raise ValidationError({"format": [f"Choose one of {', '.join(offered)}."]})
        return offered[wanted], str(offered[wanted].media_type)


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


class ArrowRenderer(FastJSON):
    """Stands for Arrow in the negotiation; what it renders itself is a refusal, which is JSON. So do the others here."""

    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"


class ParquetRenderer(FastJSON):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class NdjsonRenderer(FastJSON):
    media_type = "application/x-ndjson"
    format = "ndjson"


class CsvRenderer(FastJSON):
    media_type = "text/csv"
    format = "csv"
