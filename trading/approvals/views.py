"""What a second person does with an order that waits: let it go, or turn it down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError
from portfolios.access import permissions_of
from portfolios.selectors import portfolio_for_user
from trading.approvals.selectors import approval_for_user, approvals_of
from trading.approvals.services import approve, reject

PAGE_SIZE = 50


@require_safe
@login_required
def approvals(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """A portfolio's orders that waited, or wait, for a second person."""
    found = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    page = Paginator(approvals_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    may_approve = Permission.APPROVE in permissions_of(request.user, found)[1]
    facts = {"portfolio": found, "page": page, "approvals": page.object_list, "may_approve": may_approve}
    return render(request, "trading/approvals.html", facts)


@require_POST
@login_required
def let_go(request: SignedInRequest, approval_id: UUID) -> HttpResponse:
    return _decided(request, approval_id, Permission.APPROVE, approve, "Approved: the order is on its way.")


@require_POST
@login_required
def turn_down(request: SignedInRequest, approval_id: UUID) -> HttpResponse:
    # Whoever asked for it may see it, and withdraws it; the service asks others for the right to approve.
    return _decided(request, approval_id, Permission.VIEW, reject, "The order is not placed.")


def _decided(request: SignedInRequest, approval_id: UUID, may: str, act: Callable[..., Any], said: str) -> HttpResponse:
    found = approval_for_user(request.user, approval_id, may)
    try:
        act(actor=request.user, approval=found)
    except DomainError as error:
        if error.status == 403:
            raise
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return redirect("portfolios:approvals", found.portfolio_id)
