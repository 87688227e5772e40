"""Operators' view of submissions. Decisions are made in the review queue, where what it would say is shown as readers see it."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from common.admin import ReadOnlyAdmin
from marketplace.publishing.models import Submission


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["submitted_at", "listing", "outcome", "state", "refusal_code", "decided_at"]
    list_filter = ["outcome", "state"]
    list_select_related = ["listing"]
    search_fields = ["listing__title", "listing__owner__email"]
    ordering = ["-submitted_at"]
    fields = [
        "listing",
        "content",
        "changes",
        "outcome",
        "refusal_code",
        "refusal",
        "findings",
        "state",
        "error_code",
        "error_message",
        "submitted_at",
        "decided_at",
    ]
