"""Operators' view of listings: everything to look at, a listing to withdraw."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, StackedInline

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from marketplace.billing import admin as _billing  # noqa: F401  # Django looks for an app's admin here
from marketplace.models import TOLD, CopyRecord, Listing, TrackRecord
from marketplace.proofs import admin as _proofs  # noqa: F401  # Django looks for an app's admin here
from marketplace.publishing import admin as _publishing  # noqa: F401
from marketplace.reviews import admin as _reviews  # noqa: F401
from marketplace.services.listings import take_down_listing


class RecordInline(ReadOnlyAdmin, StackedInline):  # type: ignore[misc]
    model = TrackRecord
    fields = [*TOLD, *(f"newest_{name}" for name in TOLD), "copied_capital"]


class CopyRecordInline(ReadOnlyAdmin, StackedInline):  # type: ignore[misc]
    model = CopyRecord


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["title", "owner", "portfolio", "kind", "state", "return_ratio", "published_at"]
    list_filter = ["state", "portfolio__kind"]
    list_select_related = ["owner", "portfolio", "record"]
    search_fields = ["title", "owner__email", "portfolio__name"]
    fields = ["id", "owner", "portfolio", "title", "description", "profit_share_ratio", "state", "published_at"]
    inlines = [RecordInline, CopyRecordInline]
    actions = ["take_down"]

    @admin.display(ordering="portfolio__kind")
    def kind(self, listing: Listing) -> str:
        return str(listing.portfolio.kind)

    @admin.display(ordering="record__unit_value")
    def return_ratio(self, listing: Listing) -> str:
        return f"{listing.record.return_ratio:+.2%}"

    @admin.action(description="Take down: nobody new may follow")
    def take_down(self, request: HttpRequest, queryset: QuerySet[Listing]) -> None:
        for listing in queryset:
            take_down_listing(operator=asker(request), listing=listing)
        self.message_user(request, "Taken down. Whoever follows goes on until they stop.")
