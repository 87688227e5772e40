"""Operators' view of seals, signed roots and the keys that signed them. No hand changes any of them."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from common.admin import ReadOnlyAdmin
from marketplace.proofs.models import RecordKey, RecordRoot, Seal


@admin.register(RecordKey)
class RecordKeyAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["id", "public", "first_used_at"]


@admin.register(RecordRoot)
class RecordRootAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["number", "at", "size", "key", "root"]
    list_select_related = ["key"]
    ordering = ["-number"]
    fields = ["number", "at", "size", "root", "previous", "key", "signature"]


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["id", "portfolio", "first", "last", "sealed_at", "root"]
    list_select_related = ["portfolio", "root"]
    search_fields = ["portfolio__name"]
    ordering = ["-id"]
    show_full_result_count = False
    fields = ["portfolio", "first", "last", "previous_link", "link", "sealed_at", "root", "place"]
