"""Operators' queue of reviews: reported ones and those with flags first looked for, then hidden or kept, with a reason."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from marketplace.reviews.models import ReportReason, Review, ReviewReport, ReviewVersion
from marketplace.reviews.services import hide_review, keep_review


class ReportInline(ReadOnlyAdmin, TabularInline):  # type: ignore[misc]
    model = ReviewReport
    fields = ["reporter", "reason", "is_open", "created_at"]


class VersionInline(ReadOnlyAdmin, TabularInline):  # type: ignore[misc]
    model = ReviewVersion
    fields = ["replaced_at", "is_answer", "stars", "text"]


class QueueFilter(admin.SimpleListFilter):
    """What waits for an operator."""

    title, parameter_name = "queue", "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("reported", "Reported"), ("flagged", "Flagged: the author may know the lead")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        if self.value() == "reported":
            return queryset.filter(reports__is_open=True).distinct()
        return queryset.exclude(flags=[]) if self.value() == "flagged" else queryset


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["created_at", "listing", "author", "stars", "state", "open_reports", "flags"]
    list_filter = [QueueFilter, "state", "stars"]
    list_select_related = ["listing", "author"]
    search_fields = ["listing__title", "author__email", "text"]
    fields = [
        "listing",
        "author",
        "stars",
        "text",
        "result_ratio",
        "followed_days",
        "flags",
        "answer",
        "state",
        "hidden_reason",
        "created_at",
        "edited_at",
    ]
    inlines = [ReportInline, VersionInline]
    actions = ["keep", *(f"hide_{reason.lower()}" for reason in ReportReason.values)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        found: QuerySet[Review] = super().get_queryset(request)
        return found.annotate(reported=Count("reports", filter=Q(reports__is_open=True)))

    @admin.display(ordering="reported")
    def open_reports(self, review: Review) -> int:
        return int(vars(review)["reported"])

    @admin.action(description="Keep: show it, and close what was reported")
    def keep(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        for review in queryset:
            keep_review(operator=asker(request), review=review)

    @admin.action(description="Hide: advertising or spam")
    def hide_spam(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        _hide(request, queryset, ReportReason.SPAM)

    @admin.action(description="Hide: insulting or threatening")
    def hide_abuse(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        _hide(request, queryset, ReportReason.ABUSE)

    @admin.action(description="Hide: somebody's private data")
    def hide_private(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        _hide(request, queryset, ReportReason.PRIVATE)

    @admin.action(description="Hide: not about this listing")
    def hide_false(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        _hide(request, queryset, ReportReason.FALSE)


def _hide(request: HttpRequest, reviews: QuerySet[Review], reason: ReportReason) -> None:
    for review in reviews:
        hide_review(operator=asker(request), review=review, reason=str(reason.label))
