"""Operators' view of what can be traded. Instruments are retired and relisted here, rules come from the venue."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from common.admin import ReadOnlyAdmin
from markets.models import Asset, Backfill, Exchange, Instrument, Market
from markets.services import relist_instrument, retire_instrument
from markets.venues import status_of


@admin.register(Exchange)
class ExchangeAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "code", "namespace", "source_kind", "dialect", "is_sandbox", "doing", "synchronised_at"]
    list_filter = ["source_kind", "is_sandbox"]
    search_fields = ["name", "code"]

    @admin.display(description="Feed and breaker")
    def doing(self, exchange: Exchange) -> SafeString:
        status = status_of(exchange)
        words = ", ".join([status.words] if status.is_well else [status.words, status.breaker_words.lower()])
        return format_html('<a href="{}">{}</a>', reverse("markets:venues"), words)


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["code", "name"]
    search_fields = ["code", "name"]


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["__str__", "kind", "namespace"]
    list_filter = ["namespace", "kind"]
    search_fields = ["base__code", "quote__code"]


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["instrument", "timeframe", "start", "end", "reached_at", "state", "error"]
    list_filter = ["state", "instrument__exchange"]
    list_select_related = ["instrument__exchange", "instrument__market"]


@admin.register(Instrument)
class InstrumentAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["symbol", "exchange", "market", "tick_size", "lot_step", "min_notional", "taker_fee_bps", "state"]
    list_filter = ["exchange", "state"]
    list_select_related = ["exchange", "market"]
    search_fields = ["symbol", "market__base__code", "market__quote__code"]
    actions = ["retire", "relist"]

    @admin.action(description="Retire: no new positions")
    def retire(self, request: HttpRequest, queryset: QuerySet[Instrument]) -> None:
        for instrument in queryset:
            retire_instrument(instrument=instrument)
        self.message_user(request, "Retired. What is held can still be sold.")

    @admin.action(description="Relist")
    def relist(self, request: HttpRequest, queryset: QuerySet[Instrument]) -> None:
        for instrument in queryset:
            relist_instrument(instrument=instrument)
        self.message_user(request, "Relisted.")
