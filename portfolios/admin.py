"""Operators' view of the books. They are looked at; freezing goes through the service."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from portfolios.delegation_models import Delegation
from portfolios.margin_models import AccountFunding, VenueTerms
from portfolios.models import (
    AccountBalance,
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    ExchangeAccountUse,
    LedgerLine,
    Portfolio,
    Position,
    RemainderEntry,
)
from portfolios.services.states import freeze_portfolios


@admin.register(Portfolio)
class PortfolioAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "owner", "kind", "namespace", "settlement", "state", "net_deposits", "opened_at"]
    list_filter = ["kind", "state", "namespace"]
    list_select_related = ["owner", "settlement"]
    search_fields = ["name", "owner__email"]
    ordering = ["-pk"]
    # Each of them would be asked for its market and exchange.
    exclude = ["allowed_instruments"]
    actions = ["freeze"]

    @admin.action(description="Freeze: open nothing new, keep the money where it is")
    def freeze(self, request: HttpRequest, queryset: QuerySet[Portfolio]) -> None:
        frozen = freeze_portfolios(portfolio_ids=queryset.values_list("pk", flat=True), actor=asker(request))
        self.message_user(request, f"Frozen: {len(frozen)}.")


@admin.register(Balance)
class BalanceAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["portfolio", "portfolio__owner", "asset", "amount", "reserved"]
    list_filter = ["portfolio__kind"]
    list_select_related = ["portfolio__owner", "asset"]
    search_fields = ["portfolio__name", "portfolio__owner__email", "asset__code"]


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = [
        "portfolio",
        "portfolio__owner",
        "instrument__symbol",
        "quantity",
        "cost",
        "realized_pnl",
        "fees_paid",
    ]
    list_filter = ["portfolio__kind"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["portfolio__name", "portfolio__owner__email", "instrument__symbol"]


@admin.register(LedgerLine)
class LedgerLineAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """The ledger: append-only, for everybody."""

    list_display = [
        "id",
        "happened_at",
        "portfolio",
        "portfolio__owner",
        "kind",
        "account",
        "asset",
        "amount",
        "booking_id",
        "order_id",
    ]
    list_filter = ["kind", "account"]
    list_select_related = ["portfolio__owner", "asset"]
    search_fields = ["=booking_id", "=order_id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    # Counting a table that only grows costs more than it tells.
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(EquitySnapshot)
class EquitySnapshotAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["at", "grain", "portfolio", "equity", "net_deposits"]
    list_filter = ["grain"]
    list_select_related = ["portfolio"]
    search_fields = ["portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(ExchangeAccount)
class ExchangeAccountAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What operators may see of an account: never its key, which no page can open anyway."""

    list_display = ["label", "owner", "exchange", "mode", "state", "code", "checked_at", "last_used_at"]
    list_filter = ["mode", "state"]
    list_select_related = ["owner", "exchange"]
    search_fields = ["label", "owner__email"]
    ordering = ["-pk"]
    exclude = ["credentials", "key_hint"]


@admin.register(ExchangeAccountUse)
class ExchangeAccountUseAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["at", "account", "account__owner", "purpose", "outcome"]
    list_filter = ["purpose"]
    list_select_related = ["account__owner"]
    search_fields = ["account__label", "account__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(AccountBalance)
class AccountBalanceAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What venues say that accounts hold, and the part of it that is in no portfolio."""

    list_display = ["account", "account__owner", "asset", "total", "free", "remainder", "read_at"]
    list_select_related = ["account__owner"]
    search_fields = ["account__label", "account__owner__email", "asset"]
    ordering = ["-pk"]


@admin.register(RemainderEntry)
class RemainderEntryAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """Why the part of an account that is in no portfolio changed: append-only, for everybody."""

    list_display = ["at", "account", "account__owner", "reason", "asset", "amount", "note"]
    list_filter = ["reason"]
    list_select_related = ["account__owner"]
    search_fields = ["account__label", "account__owner__email", "note"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(AccountFunding)
class AccountFundingAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What venues say that accounts received at funding times (negative: paid): append-only, for everybody."""

    list_display = ["happened_at", "account", "account__owner", "instrument", "amount", "payment_id"]
    list_select_related = ["account__owner", "instrument__exchange", "instrument__market"]
    search_fields = ["account__label", "account__owner__email", "payment_id"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(VenueTerms)
class VenueTermsAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """The leverage and margin mode that venues were asked for, and their refusals."""

    list_display = ["account", "account__owner", "instrument", "leverage", "margin_mode", "refusal", "asked_at"]
    list_filter = ["margin_mode"]
    list_select_related = ["account__owner", "instrument__exchange", "instrument__market"]
    search_fields = ["account__label", "account__owner__email", "refusal"]
    ordering = ["-pk"]


@admin.register(Delegation)
class DelegationAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["created_at", "portfolio", "person", "scope", "ends_at", "ended_at"]
    list_select_related = ["portfolio", "person"]
