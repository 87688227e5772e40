"""What admin pages share. Operators look; they act through services only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest


class ReadOnlyAdmin:
    """Mixin for what no hand may change: ledgers, fills, keys, the audit. Put it before `unfold.admin.ModelAdmin`."""

    actions: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
