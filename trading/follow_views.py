"""The page on which a follow's guards are changed."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from engine.following import NO_GUARDS
from trading.follow_forms import GuardsForm, guards_form
from trading.selectors import follow_for_user
from trading.services.follow_guards import change_guards, standing_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def guards(request: SignedInRequest, follow_id: UUID) -> HttpResponse:
    """What the follow may lose: as it is, or set anew."""
    follow = follow_for_user(request.user, follow_id)
    standing = standing_of(follow)
    shown = guards_form(standing.guards if standing else NO_GUARDS)
    form = GuardsForm(request.POST) if request.method == "POST" else shown
    if request.method == "POST" and form.is_valid():
        try:
            change_guards(actor=request.user, follow=follow, guards=form.guards())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The guards are set; they hold from now on.")
            return redirect("portfolios:detail", follow.portfolio_id)
    facts = {"follow": follow, "form": form, "standing": standing}
    return render(request, "trading/guards.html", facts, status=400 if form.errors else 200)
