"""What every page's frame says about trading as a whole."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from trading.codes import halt_in_words
from trading.selectors import platform_switch


def halt(request: HttpRequest) -> dict[str, Any]:
    """Offer `platform_halt`, the sentence of the banner; asked for, one indexed row of a tiny table, by whole pages only.

    Not cached: who has halted trading must see it on the next page, whichever process answers.
    """
    return {"platform_halt": SimpleLazyObject(lambda: halt_in_words(platform_switch()))}
