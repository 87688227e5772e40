"""The doors for wallets: a message to sign, its signature, the sign-up that may follow, and the page of linked ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.requests import SignedInRequest, client_address
from accounts.wallets import services
from accounts.wallets.forms import WalletSignUpForm
from accounts.wallets.signing_up import NEXT, PENDING, create_wallet_user, pending_wallet
from accounts.wallets.stages import STATE
from common.errors import DomainError
from common.limiter import limiter

ASKED = "wallet_challenge"
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
# Messages given out per network address: twenty at once, then one every three seconds.
BURST, PER_SECOND = 20, 1 / 3


@require_POST
def challenge(request: HttpRequest) -> HttpResponse:
    """Give out a message to sign; the session that asked is the only one that may answer."""
    user = request.user if isinstance(request.user, User) else None
    if limiter().take(f"wallet:{client_address(request)}", per_second=PER_SECOND, burst=BURST):
        raise DomainError("TOO_MANY_ATTEMPTS", "Too many attempts: wait a little.", status=429)
    made = services.issue_challenge(
        chain=request.POST.get("chain", ""),
        address=request.POST.get("address", ""),
        domain=request.get_host(),
        uri=request.build_absolute_uri("/"),
        user=user,
    )
    request.session[ASKED] = str(made.pk)
    return JsonResponse({"message": made.message})


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """Log in with a signed message, or lead somebody new to the sign-up."""
    signed = services.use_challenge(challenge_id=_asked(request), signature=request.POST.get("signature", ""))
    wallet = services.wallet_at(signed.chain, signed.address)
    target = get_next_redirect_url(request)
    if wallet is None:
        get_adapter(request).is_open_for_signup(request)
        request.session[PENDING] = {"chain": signed.chain, "address": signed.address}
        request.session[NEXT] = target
        return redirect("wallet_signup")
    services.record_wallet_use(wallet=wallet)
    record_authentication(request, wallet.user, "wallet", chain=wallet.chain, address=wallet.address)
    answer: HttpResponse = perform_login(request, Login(user=wallet.user, redirect_url=target))
    return answer


@READ_OR_WRITE
def signup(request: HttpRequest) -> HttpResponse:
    """Ask a new wallet's owner for an address; an account that exists is not given away."""
    held = pending_wallet(request)
    if held is None:
        return redirect("account_login")
    get_adapter(request).is_open_for_signup(request)
    form = WalletSignUpForm(request.POST or None)
    if not form.is_valid():
        facts = {"form": form, "address": held["address"]}
        return render(request, "accounts/wallet_signup.html", facts, status=400 if form.errors else 200)
    email, target = form.cleaned_data["email"], request.session.pop(NEXT, None)
    del request.session[PENDING]
    if form.account_already_exists:
        unknown: HttpResponse = prevent_enumeration(request, email=email)
        return unknown
    with transaction.atomic():
        user = create_wallet_user(request, email)
        form.signup(request, user)
    state: dict[str, Any] = {STATE: held}
    entered: HttpResponse = perform_login(
        request, Login(user=user, email=email, signup=True, redirect_url=target, state=state)
    )
    return entered


@never_cache
@require_GET
@login_required
def wallets(request: SignedInRequest) -> HttpResponse:
    return render(request, "accounts/wallets.html", {"wallets": request.user.wallets.all()})


@require_POST
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth names no types
def link(request: SignedInRequest) -> HttpResponse:
    signed = services.use_challenge(
        challenge_id=_asked(request), signature=request.POST.get("signature", ""), user=request.user
    )
    wallet = services.link_wallet(user=request.user, chain=signed.chain, address=signed.address)
    messages.success(request, f"{wallet} is linked: it can log you in.")
    return redirect("accounts:wallets")


@require_POST
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth names no types
def unlink(request: SignedInRequest, wallet_id: UUID) -> HttpResponse:
    services.unlink_wallet(user=request.user, wallet_id=wallet_id)
    messages.success(request, "The wallet is unlinked: it logs you in no more.")
    return redirect("accounts:wallets")


def _asked(request: HttpRequest) -> UUID:
    """Return the message that this session was given last; raise DomainError WALLET_MESSAGE_UNKNOWN where it has none."""
    asked = request.session.pop(ASKED, "")
    if not asked:
        raise DomainError("WALLET_MESSAGE_UNKNOWN", "This message was not made here, or is forgotten: begin again.")
    return UUID(asked)
