"""How the API reads a body: JSON in UTF-8, of bounded size and depth, that every database can store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, Never

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from common.errors import DomainError


def body_too_large() -> DomainError:
    """Return the refusal of a body beyond what Django reads of a form, too."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return DomainError("BODY_TOO_LARGE", f"Send at most {limit:,} bytes at once.", {"limit": limit}, status=413)


class StrictJSON(BaseParser):
    """Parses application/json; UTF-8 whatever a charset says (RFC 8259), no NaN, no infinity, no half characters."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw: bytes = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise body_too_large()
        try:
            # It refuses what is nested more than 1,024 deep. The other, which keeps large whole numbers exact, goes as deep as
            # Python's limit lets it: where a library has raised that, beyond the end of the stack, which ends the process.
            orjson.loads(raw)
            found = json.loads(raw.decode(), parse_constant=_refuse)
            if b"\\u" in raw:
                # Half of a surrogate pair has no bytes: it could be neither stored nor sent back.
                json.dumps(found, ensure_ascii=False).encode()
        except ValueError as error:
            raise ParseError(f"This is no JSON: {error}.") from None
        except RecursionError:
            raise ParseError("This JSON is nested too deeply.") from None
        return found


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number")
