"""Operators' view of competitions. They are set up on the site's own page, which judges what is entered."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin, TabularInline

from common.admin import ReadOnlyAdmin
from community.models import Competition, CompetitionEntry


class EntryInline(ReadOnlyAdmin, TabularInline):  # type: ignore[misc]
    model = CompetitionEntry
    fields = ["user", "portfolio", "entered_at", "final_rank", "final_equity"]
    ordering = ["final_rank", "pk"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[CompetitionEntry]:
        found: QuerySet[CompetitionEntry] = super().get_queryset(request)
        return found.select_related("user", "portfolio")


@admin.register(Competition)
class CompetitionAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["title", "exchange", "starting_capital", "settlement", "starts_at", "ends_at", "state"]
    list_filter = ["state", "exchange"]
    list_select_related = ["exchange", "settlement"]
    search_fields = ["title"]
    fields = [
        "id",
        "title",
        "description",
        "exchange",
        "settlement",
        "starting_capital",
        "allowed_instruments",
        "starts_at",
        "ends_at",
        "state",
        "created_by",
    ]
    inlines = [EntryInline]

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_staff)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: object = None) -> HttpResponse:
        return redirect("community:new_competition")
