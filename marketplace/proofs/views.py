"""Pages about proofs: signed roots and their keys, a record to download, and where anybody checks one."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.proofs.downloads import record_answer
from marketplace.proofs.models import RecordKey, RecordRoot
from marketplace.selectors import listing_for_reader

PAGE_SIZE = 24


@require_safe
def roots(request: HttpRequest) -> HttpResponse:
    page = Paginator(RecordRoot.objects.order_by("-number"), PAGE_SIZE).get_page(request.GET.get("page"))
    keys = RecordKey.objects.order_by("first_used_at")
    return render(request, "marketplace/proofs/roots.html", {"page": page, "keys": keys})


@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """Where a file is checked. The browser does it; nothing is sent here."""
    return render(request, "marketplace/proofs/verify.html")


@require_safe
def record(request: HttpRequest, listing_id: UUID) -> StreamingHttpResponse:
    return record_answer(request, listing_for_reader(request.user, listing_id))
