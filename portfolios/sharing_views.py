"""A portfolio's sharing page: its workspace, to whom it is lent, its parent and limits, and what needs a second person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.models import Portfolio
from portfolios.selectors import delegation_of, delegations_of, portfolio_for_user
from portfolios.services.sharing import give_to_workspace, lend, take_back, take_from_workspace
from portfolios.services.subaccounts import end_sub_account, set_approval, set_sub_account
from portfolios.sharing_forms import ApprovalForm, GiveForm, LendForm, SubAccountForm


@require_safe
@login_required
def sharing(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    return _page(request, portfolio_for_user(request.user, portfolio_id))


def _page(request: SignedInRequest, found: Portfolio, **bound: forms.Form) -> HttpResponse:
    """Show the page, with the one form that was refused as it was filled in."""
    facts = {
        "portfolio": found,
        "workspace": found.workspace,
        "delegations": delegations_of(found),
        "sub_accounts": list(found.sub_accounts.order_by("name")),
        "give": GiveForm(user=request.user),
        "lend": LendForm(),
        "sub": SubAccountForm(portfolio=found),
        "approval": ApprovalForm(portfolio=found),
        **bound,
    }
    return render(request, "portfolios/sharing.html", facts, status=400 if bound else 200)


def _done(
    request: SignedInRequest,
    found: Portfolio,
    name: str,
    form: forms.Form,
    act: Callable[..., Any],
    said: str,
    given: Callable[[], dict[str, Any]] | None = None,
) -> HttpResponse:
    """Do what a form asks and go back to the page, or show it with what is wrong."""
    if form.is_valid():
        try:
            act(**(given() if given else form.cleaned_data))
        except DomainError as error:
            if error.status == 404:
                form.add_error("handle" if "handle" in form.fields else None, error.message)
            else:
                show_refusal(form, error)
        else:
            messages.success(request, said)
            return redirect("portfolios:sharing", found.pk)
    return _page(request, found, **{name: form})


@require_POST
@login_required
def give(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    act = partial(give_to_workspace, actor=request.user, portfolio=found)
    return _done(request, found, "give", GiveForm(request.POST, user=request.user), act, "The workspace has it now.")


@require_POST
@login_required
def take(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    workspace_id = found.workspace_id
    try:
        take_from_workspace(actor=request.user, portfolio=found)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("portfolios:sharing", found.pk)
    messages.success(request, f"“{found.name}” is its owner's alone again.")
    # Whoever took it out for somebody else does not see it any more.
    return redirect("accounts:workspace", workspace_id) if workspace_id else redirect("portfolios:list")


@require_POST
@login_required
def lend_out(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found, form = portfolio_for_user(request.user, portfolio_id), LendForm(request.POST)
    act = partial(lend, actor=request.user, portfolio=found)
    return _done(request, found, "lend", form, act, "They were told.", form.given)


@require_POST
@login_required
def end_lending(request: SignedInRequest, portfolio_id: UUID, delegation_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    take_back(actor=request.user, delegation=delegation_of(found, delegation_id))
    messages.success(request, "It is taken back.")
    return redirect("portfolios:sharing", found.pk)


@require_POST
@login_required
def group(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    form = SubAccountForm(request.POST, portfolio=found)
    act = partial(set_sub_account, actor=request.user, portfolio=found)
    return _done(request, found, "sub", form, act, "It is a sub-account with these limits.")


@require_POST
@login_required
def ungroup(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    end_sub_account(actor=request.user, portfolio=found)
    messages.success(request, "It stands by itself again.")
    return redirect("portfolios:sharing", found.pk)


@require_POST
@login_required
def approval(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    found = portfolio_for_user(request.user, portfolio_id)
    form = ApprovalForm(request.POST, portfolio=found)
    act = partial(set_approval, actor=request.user, portfolio=found)
    return _done(request, found, "approval", form, act, "The next orders obey this limit.")
