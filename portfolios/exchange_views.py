"""The pages of exchange accounts: the list, the way to connect one, its check as it goes, and what its key was used for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.models import LimitName
from accounts.requests import SignedInRequest
from accounts.sealing import keeps_key_beside_database
from accounts.second_factor import require_fresh_factor
from accounts.selectors import limit
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.exchange_forms import ConnectForm, KeyForm, LabelForm
from portfolios.exchange_words import PERMISSIONS, guide_for, words_for
from portfolios.models import AccountMode, AccountState, ExchangeAccount
from portfolios.selectors import (
    account_balances,
    connectable_exchange,
    connectable_exchanges,
    exchange_account_for_user,
    exchange_accounts_of,
    remainder_entries,
    uses_of,
)
from portfolios.services.exchange_accounts import (
    connect_account,
    rename_account,
    replace_key,
    request_check,
    revoke_account,
)
from portfolios.views import PAGE_SIZE, READ_OR_WRITE

RECENT = 20
# Reports of failures leave the whole body out.
_SECRET = sensitive_post_parameters()


@require_safe
@login_required
def account_list(request: SignedInRequest) -> HttpResponse:
    mine = exchange_accounts_of(request.user)
    facts = {"rows": [(one, words_for(one)) for one in mine], "limit": limit(request.user, LimitName.EXCHANGE_ACCOUNTS)}
    return render(request, "portfolios/exchange/list.html", facts)


@require_safe
@login_required
def choose(request: SignedInRequest) -> HttpResponse:
    return render(request, "portfolios/exchange/choose.html", {"rows": connectable_exchanges()})


@_SECRET
@never_cache
@READ_OR_WRITE
@login_required
def connect(request: SignedInRequest, exchange: str, mode: str) -> HttpResponse:
    """Say how a key is made at the venue, and take it."""
    venue, chosen = connectable_exchange(exchange, mode.upper())
    if chosen == AccountMode.LIVE:
        require_fresh_factor(request)
    form = ConnectForm(request.POST or None, dialect=venue.dialect, initial={"label": venue.name})
    if form.is_valid():
        try:
            account = connect_account(
                owner=request.user,
                exchange=venue,
                mode=chosen,
                label=form.cleaned_data["label"],
                credentials=form.credentials(),
            )
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("exchange_accounts:detail", account.pk)
    facts = {"exchange": venue, "mode": chosen, "form": form, **_how(venue.dialect)}
    return render(request, "portfolios/exchange/connect.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def detail(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    account = exchange_account_for_user(request.user, account_id)
    page = Paginator(uses_of(account), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {
        **_status_facts(account),
        "balances": account_balances(account),
        "changes": remainder_entries(account)[:RECENT],
    }
    facts |= {"page": page, "form": LabelForm(initial={"label": account.label})}
    return render(request, "portfolios/exchange/detail.html", facts)


@require_safe
@login_required
def status(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    """What a page that waits asks for; once it is known, the whole page is another."""
    account = exchange_account_for_user(request.user, account_id)
    answer = render(request, "portfolios/exchange/_status.html", _status_facts(account))
    if account.state != AccountState.CHECKING:
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@login_required
def check(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    account = exchange_account_for_user(request.user, account_id)
    request_check(account=account, actor=request.user)
    return redirect("exchange_accounts:detail", account.pk)


@require_POST
@login_required
def rename(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    account = exchange_account_for_user(request.user, account_id)
    form = LabelForm(request.POST)
    try:
        renamed = rename_account(account=account, actor=request.user, label=form.data.get("label", ""))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The account is called “{renamed.label}” now.")
    return redirect("exchange_accounts:detail", account.pk)


@_SECRET
@never_cache
@READ_OR_WRITE
@login_required
def rekey(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    """Take another key for the account."""
    account = exchange_account_for_user(request.user, account_id)
    if account.mode == AccountMode.LIVE:
        require_fresh_factor(request)
    form = KeyForm(request.POST or None, dialect=account.exchange.dialect)
    if form.is_valid():
        try:
            replace_key(account=account, actor=request.user, credentials=form.credentials())
        except DomainError as error:
            show_refusal(form, error)
        else:
            return redirect("exchange_accounts:detail", account.pk)
    facts = {"account": account, "exchange": account.exchange, "mode": account.mode, "form": form}
    facts |= _how(account.exchange.dialect)
    return render(request, "portfolios/exchange/connect.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def revoke(request: SignedInRequest, account_id: UUID) -> HttpResponse:
    account = exchange_account_for_user(request.user, account_id)
    revoke_account(account=account, actor=request.user)
    messages.success(request, f"The key of “{account.label}” is deleted here. Delete it at {account.exchange}, too.")
    return redirect("exchange_accounts:list")


def _how(dialect: str) -> dict[str, Any]:
    return {"guide": guide_for(dialect), "is_beside": keeps_key_beside_database()}


def _status_facts(account: ExchangeAccount) -> dict[str, Any]:
    shown = [PERMISSIONS.get(one, one) for one in account.permissions]
    return {"account": account, "words": words_for(account), "permissions": shown}
