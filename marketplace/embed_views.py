"""A listing as a small page for other people's sites: an iframe without scripts, cookies or anybody's own, which caches may keep."""

from __future__ import annotations

from uuid import UUID

from csp.constants import NONE
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import conditional_page, require_safe

from marketplace import selectors
from marketplace.curves import recent_curves
from marketplace.proofs.selectors import sealed_up_to

CACHED_SECONDS = 60
THEMES = ("light", "dark")


# Whoever asks is nobody here: the page is the same for all, so it reads no session and depends on no cookie.
@require_safe
@conditional_page
@cache_control(public=True, max_age=CACHED_SECONDS)
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"], "script-src": [NONE]})  # type: ignore[arg-type]  # its type knows no views with keys
def embed(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    listing = selectors.listing_for_reader(None, listing_id)
    theme = request.GET.get("theme")
    facts = {
        "listing": listing,
        "cells": selectors.listing_cells(listing, vars(listing)["follower_count"]),
        "curve": recent_curves([listing], None)[listing.pk],
        "sealed": sealed_up_to(listing.portfolio),
        "theme": theme if theme in THEMES else "",
    }
    return HttpResponse(render(None, "marketplace/embed.html", facts).content)
