"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.models import User
from portfolios.delegation_models import Delegation
from portfolios.margin_models import AccountFunding, FundingPayment, VenueTerms
from portfolios.models import (
    AccountBalance,
    Balance,
    ExchangeAccount,
    ExchangeAccountUse,
    LedgerLine,
    Portfolio,
    PortfolioState,
    Position,
    RemainderEntry,
)
from portfolios.services.exchange_accounts import revoke_account
from portfolios.services.sharing import end_delegations
from portfolios.services.states import freeze_portfolios

# What each part of the export holds (docs/privacy.md).
SUBJECTS = {
    "portfolios": "your portfolios",
    "balances": "what cash each holds, and what of it is promised",
    "positions": "what each holds otherwise, what it cost and earned",
    "funding_payments": "funding paid and received on perpetuals",
    "exchange_accounts": "your accounts at exchanges, without their keys",
    "exchange_account_uses": "when their keys were used, and for what",
    "exchange_account_balances": "what they held when last read",
    "exchange_account_changes": "what changed of what is in no portfolio",
    "exchange_account_funding": "funding that the exchange told of",
    "exchange_account_terms": "leverage and margin modes asked for there",
    "ledger": "every line of your books",
}
_BOOK = ("id", "name", "kind", "namespace", "settlement_id", "state", "net_deposits", "opened_at")
_ACCOUNT = (
    "id",
    "exchange__code",
    "label",
    "mode",
    "state",
    "code",
    "permissions",
    "created_at",
    "checked_at",
    "last_used_at",
)
_LINE = (
    "booking_id",
    "kind",
    "portfolio_id",
    "account",
    "asset_id",
    "amount",
    "order_id",
    "happened_at",
    "recorded_at",
)
_ON_MARGIN = ("margin_mode", "leverage", "margin", "funding_paid", "insured")
_FUNDING = ("portfolio_id", "instrument__symbol", "quantity", "mark", "rate", "amount", "insured", "happened_at")


def export_portfolios(user: User) -> dict[str, Any]:
    """Return the user's portfolios with what they hold and every line that proves it."""
    mine = {"portfolio__owner": user}
    balances = Balance.objects.filter(**mine).order_by("pk")
    positions = Position.objects.filter(**mine).order_by("pk")
    held = ("portfolio_id", "instrument__symbol", "quantity", "cost", "realized_pnl", "fees_paid", *_ON_MARGIN)
    return {
        "portfolios": list(Portfolio.objects.filter(owner=user).order_by("pk").values(*_BOOK)),
        "balances": list(balances.values("portfolio_id", "asset_id", "amount", "reserved")),
        "positions": list(positions.values(*held)),
        "funding_payments": list(FundingPayment.objects.filter(**mine).order_by("pk").values(*_FUNDING)),
        "exchange_accounts": list(ExchangeAccount.objects.filter(owner=user).order_by("pk").values(*_ACCOUNT)),
        "exchange_account_uses": list(
            ExchangeAccountUse.objects.filter(account__owner=user)
            .order_by("pk")
            .values("account_id", "at", "purpose", "outcome")
        ),
        "exchange_account_balances": list(
            AccountBalance.objects.filter(account__owner=user)
            .order_by("pk")
            .values("account_id", "asset", "total", "free", "remainder", "read_at")
        ),
        "exchange_account_changes": list(
            RemainderEntry.objects.filter(account__owner=user)
            .order_by("pk")
            .values("account_id", "reason", "asset", "amount", "note", "at")
        ),
        "exchange_account_funding": list(
            AccountFunding.objects.filter(account__owner=user)
            .order_by("pk")
            .values("account_id", "payment_id", "instrument__symbol", "amount", "happened_at")
        ),
        "exchange_account_terms": list(
            VenueTerms.objects.filter(account__owner=user)
            .order_by("pk")
            .values("account_id", "instrument__symbol", "leverage", "margin_mode", "refusal", "asked_at")
        ),
        "ledger": LedgerLine.objects.filter(**mine).order_by("pk").values(*_LINE),
        "delegations": list(
            Delegation.objects.filter(Q(person=user) | Q(portfolio__owner=user))
            .order_by("pk")
            .values("portfolio_id", "scope", "created_at", "ends_at", "ended_at")
        ),
    }


def erase_portfolios(user: User) -> None:
    """Freeze the user's portfolios and take their names off; the books stay, for other people's rest on them. Keys go."""
    for account in ExchangeAccount.objects.filter(owner=user).order_by("pk"):
        revoke_account(account=account)
        ExchangeAccount.objects.filter(pk=account.pk).update(label=f"Account {account.pk.hex}")
    end_delegations(Delegation.objects.filter(Q(person=user) | Q(portfolio__owner=user), ended_at=None))
    mine = Portfolio.objects.filter(owner=user).exclude(state=PortfolioState.CLOSED)
    freeze_portfolios(portfolio_ids=mine.values_list("pk", flat=True))
    for portfolio in Portfolio.objects.filter(owner=user):
        portfolio.name = f"Portfolio {portfolio.pk.hex}"
        portfolio.save(update_fields=["name"])
