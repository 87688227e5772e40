"""The page of the security log."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.registry import in_words
from accounts.requests import SignedInRequest
from accounts.security.selectors import Kind, security_log

PAGE_SIZE = 25
WORDS = {"sign_in.accepted": "Signed in", "sign_in.refused": "Refused sign-in"}


@require_GET
@login_required
def log(request: SignedInRequest) -> HttpResponse:
    """Show the log, of one kind where the address names one; an unknown one shows all."""
    asked = request.GET.get("kind", "")
    kind = asked if asked in Kind.values else ""
    page = Paginator(security_log(request.user, kind), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [{**row, "words": WORDS.get(row["what"]) or in_words(row["what"])} for row in page]
    facts = {"page": page, "rows": rows, "kinds": Kind.choices, "kind": kind}
    return render(request, "accounts/security.html", facts)
