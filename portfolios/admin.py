"""Operators' view of the books. They are looked at; freezing goes through the service."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from portfolios.models import Balance, EquitySnapshot, LedgerLine, Portfolio, Position
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
    ]
    list_filter = ["kind", "account"]
    list_select_related = ["portfolio__owner", "asset"]
    search_fields = ["=booking_id", "portfolio__name", "portfolio__owner__email"]
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
