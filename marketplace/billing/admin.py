"""Operators' view of money: everything to look at, nothing to change. What they may do is on Operator → Money."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from common.admin import ReadOnlyAdmin
from marketplace.billing.models import Invoice, MoneyLine, ProcessorEvent, Subscription


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["user", "listing", "plan", "status", "right_until", "cancels_at_end", "is_disputed", "mode"]
    list_filter = ["mode", "status", "is_disputed"]
    list_select_related = ["user", "listing", "plan"]
    search_fields = ["processor_id", "user__email", "listing__title"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = [
        "number",
        "user",
        "kind",
        "status",
        "currency",
        "total_minor",
        "paid_minor",
        "refunded_minor",
        "mode",
    ]
    list_filter = ["mode", "kind", "status"]
    list_select_related = ["user"]
    search_fields = ["processor_id", "number", "user__email"]
    # (Its addresses at the processor are its buyer's: whoever has one sees the invoice, and can pay it.)
    exclude = ["hosted_url", "pdf_url"]
    date_hierarchy = "created_at"


@admin.register(MoneyLine)
class MoneyLineAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["booking", "kind", "account", "seller_name", "amount_minor", "currency", "happened_at", "mode"]
    list_filter = ["mode", "kind", "account"]
    list_select_related = ["seller__user"]
    search_fields = ["booking", "seller__user__email", "invoice__number"]
    date_hierarchy = "happened_at"

    @admin.display(description="lead")
    def seller_name(self, line: MoneyLine) -> str:
        return line.seller.user.email if line.seller is not None else ""


@admin.register(ProcessorEvent)
class ProcessorEventAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["event_id", "kind", "object_id", "received_at", "is_done", "attempts", "problem"]
    list_filter = ["mode", "is_done"]
    search_fields = ["event_id", "object_id", "kind"]
    date_hierarchy = "received_at"
