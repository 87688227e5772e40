"""Operators' view of strategies: everything to look at, a run to stop."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from strategies.models import Backtest, Strategy, StrategyRun, StrategyVersion, Sweep
from strategies.services.runs import stop_runs

STOPPED_BY_OPERATOR = "STOPPED_BY_OPERATOR"


class VersionInline(ReadOnlyAdmin, TabularInline):  # type: ignore[misc]
    model = StrategyVersion
    fields = ["number", "instrument", "timeframe", "graph_hash", "created_at"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyVersion]:
        found: QuerySet[StrategyVersion] = super().get_queryset(request)
        return found.select_related("strategy", "instrument__market", "instrument__exchange")


@admin.register(Strategy)
class StrategyAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "owner", "template", "created_at"]
    list_filter = ["template"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__email"]
    fields = ["id", "name", "owner", "template", "created_at"]
    inlines = [VersionInline]


@admin.register(StrategyRun)
class StrategyRunAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["version", "portfolio", "instrument", "timeframe", "state", "stop_code", "decided_until"]
    list_filter = ["state", "timeframe"]
    list_select_related = ["version__strategy", "portfolio", "instrument__market", "instrument__exchange"]
    search_fields = ["version__strategy__name", "portfolio__name", "portfolio__owner__email"]
    fields = [
        "id",
        "version",
        "portfolio",
        "instrument",
        "timeframe",
        "state",
        "stop_code",
        "decided_until",
        "started_at",
        "stopped_at",
    ]
    actions = ["stop"]

    @admin.action(description="Stop: it decides no more")
    def stop(self, request: HttpRequest, queryset: QuerySet[StrategyRun]) -> None:
        run_ids = list(queryset.values_list("pk", flat=True))
        stopped = stop_runs(run_ids=run_ids, code=STOPPED_BY_OPERATOR, actor=asker(request))
        self.message_user(request, f"Stopped {stopped}. What they hold stays open.")


_STUDY = ["id", "name", "owner", "version", "instrument", "timeframe", "starts_at", "ends_at", "state", "progress"]
_STUDY += ["error_code", "error_message", "spec_hash", "engine_version", "created_at", "started_at", "finished_at"]
_STUDY += ["seconds", "peak_memory_bytes", "forgotten_at"]


class StudyAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "owner", "instrument", "timeframe", "state", "error_code", "seconds", "created_at"]
    list_filter = ["state", "timeframe"]
    list_select_related = ["owner", "instrument__market", "instrument__exchange"]
    search_fields = ["name", "owner__email", "spec_hash"]


@admin.register(Backtest)
class BacktestAdmin(StudyAdmin):
    fields = [*_STUDY, "attempts", "claimed_until", "trial_hash", "summary"]


@admin.register(Sweep)
class SweepAdmin(StudyAdmin):
    fields = [*_STUDY, "points", "parameters", "overfitting"]
