"""Settings → Audit: what oneself did; for operators what everybody did; and both as a file."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.audit_log.exports import audit_answer
from accounts.audit_log.forms import AuditFilter
from accounts.audit_log.selectors import entries_for, narrowed, newest_seal
from accounts.requests import SignedInRequest

PAGE_SIZE = 50


@require_safe
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    return _page(request, everybody=False)


@require_safe
@login_required
def everybody(request: SignedInRequest) -> HttpResponse:
    return _page(request, everybody=True)


def _page(request: SignedInRequest, *, everybody: bool) -> HttpResponse:
    form = AuditFilter(request.GET)
    rows = narrowed(entries_for(request.user, everybody=everybody), form.asked())
    if not everybody:
        del form.fields["person"]
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {"form": form, "page": page, "everybody": everybody, "seal": newest_seal() if everybody else None}
    return render(request, "accounts/audit/list.html", facts)


@require_safe
@login_required
def export(request: SignedInRequest, form: str) -> StreamingHttpResponse:
    return audit_answer(request, narrowed(entries_for(request.user), AuditFilter(request.GET).asked()), form)


@require_safe
@login_required
def export_everybody(request: SignedInRequest, form: str) -> StreamingHttpResponse:
    rows = entries_for(request.user, everybody=True)
    return audit_answer(request, narrowed(rows, AuditFilter(request.GET).asked()), form)
