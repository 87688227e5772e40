"""Operators' view of trading, and the switch that halts all of it. Orders and fills are only looked at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.requests import asker
from common.admin import ReadOnlyAdmin
from trading.approvals.models import OrderApproval
from trading.copy_accounts.models import ProfitShareSettlement
from trading.models import (
    Fill,
    Follow,
    FollowCommand,
    ForeignFill,
    LeadEvent,
    LeadStream,
    Order,
    OrderEvent,
    SafetySwitch,
    Trigger,
)
from trading.plans.models import Plan
from trading.queues import follow_counts, queues, recent_outcomes
from trading.risk.models import RiskDecision, RiskProfile
from trading.selectors import platform_switch
from trading.services.safety import halt_platform, resume_platform
from trading.services.sweeping import sweep
from trading.template_models import OrderTemplate

MAX_REASON = SafetySwitch._meta.get_field("reason").max_length


class HaltForm(forms.Form):
    """Why trading is halted; everybody reads it."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="Shown to everybody on every page while trading is halted.",
    )


@admin.register(SafetySwitch)
class SafetySwitchAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """The switches; the platform's is turned with the buttons above the list."""

    list_display = ["__str__", "level", "reason", "set_by", "set_at"]
    list_filter = ["level", "scope"]
    list_select_related = ["set_by"]
    search_fields = ["scope_id", "reason"]
    actions_list = ["halt", "resume", "queues"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever runs the platform can stop it, whatever else they were given."""
        return bool(request.user.is_active and request.user.is_staff)

    @action(  # type: ignore[untyped-decorator] # unfold has no types
        description="Halt all trading",
        url_path="halt",
        icon="front_hand",
        variant=ActionVariant.DANGER,
        permissions=["view"],
    )
    def halt(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, then halt at once."""
        form = HaltForm(request.POST or None)
        if form.is_valid():
            halt_platform(actor=asker(request), reason=form.cleaned_data["reason"])
            self.message_user(request, "All trading is halted.")
            return redirect("admin:trading_safetyswitch_changelist")
        return self._question(request, "Halt all trading", form=form)

    @action(  # type: ignore[untyped-decorator] # unfold has no types
        description="Resume trading", url_path="resume", icon="play_arrow", permissions=["view"]
    )
    def resume(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            resume_platform(actor=asker(request))
            self.message_user(request, "Trading goes on.")
            return redirect("admin:trading_safetyswitch_changelist")
        return self._question(request, "Resume trading")

    @action(  # type: ignore[untyped-decorator] # unfold has no types
        description="Queues of copying", url_path="queues", icon="conveyor_belt", permissions=["view"]
    )
    def queues(self, request: HttpRequest) -> HttpResponse:
        """What waits to be copied and sent, and what went wrong; a button has all of it tried again."""
        if request.method == "POST":
            found = sweep(older_than_seconds=0.0)
            self.message_user(request, f"{found} pieces of work were found and are tried again.")
            return redirect("admin:trading_safetyswitch_queues")
        facts = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Queues of copying",
            "queues": queues(),
            "outcomes": recent_outcomes(),
            "follows": follow_counts(),
        }
        return TemplateResponse(request, "trading/admin_queues.html", facts)

    def _question(self, request: HttpRequest, title: str, form: HaltForm | None = None) -> HttpResponse:
        facts = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            "switch": platform_switch(),
        }
        return TemplateResponse(
            request, "trading/admin_safety.html", facts, status=400 if form and form.errors else 200
        )


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = [
        "created_at",
        "portfolio",
        "portfolio__owner",
        "instrument__symbol",
        "side",
        "requested_quantity",
        "filled_quantity",
        "average_price",
        "state",
        "code",
        "cause_kind",
    ]
    list_filter = ["state", "cause_kind", "side", "code"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["=id", "=client_order_id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    # Counting a table that only grows costs more than it tells.
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["happened_at", "order", "order__portfolio", "state", "code", "submitted_at", "recorded_at"]
    list_filter = ["state"]
    list_select_related = ["order__portfolio"]
    search_fields = ["=order__id", "=order__client_order_id"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """Executions: immutable, numbered without gaps in each portfolio."""

    list_display = [
        "happened_at",
        "portfolio",
        "portfolio__owner",
        "number",
        "instrument__symbol",
        "side",
        "quantity",
        "price",
        "fee",
    ]
    list_filter = ["side", "venue_account"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["=id", "=venue_fill_id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(LeadStream)
class LeadStreamAdmin(ModelAdmin):  # type: ignore[misc]
    """Who is led. An operator may let more people, or more capital, follow than the rule does; empty is the rule."""

    list_display = ["portfolio", "portfolio__owner", "last_seq", "most_followers", "most_capital"]
    search_fields = ["portfolio__name", "portfolio__owner__email"]
    readonly_fields = ["portfolio", "last_seq"]
    fields = ["portfolio", "last_seq", "most_followers", "most_capital"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LeadStream | None = None) -> bool:
        return False


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["started_at", "follower", "lead", "portfolio", "multiplier", "state", "state_code", "stopped_at"]
    list_filter = ["state"]
    list_select_related = ["follower", "lead", "portfolio"]
    search_fields = ["=id", "follower__email", "lead__name", "lead__owner__email"]
    ordering = ["-pk"]


@admin.register(LeadEvent)
class LeadEventAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = [
        "happened_at",
        "lead",
        "seq",
        "instrument__symbol",
        "side",
        "opened_quantity",
        "closed_fraction",
        "state",
    ]
    list_filter = ["state", "side"]
    list_select_related = ["lead", "instrument"]
    search_fields = ["lead__name", "lead__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(FollowCommand)
class FollowCommandAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["due_at", "follow", "kind", "is_done"]
    list_filter = ["kind", "is_done"]
    list_select_related = ["follow"]
    search_fields = ["=follow__id", "follow__follower__email"]
    ordering = ["-pk"]


@admin.register(Trigger)
class TriggerAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["armed_at", "portfolio", "portfolio__owner", "instrument__symbol", "price", "state", "fired_at"]
    list_filter = ["state", "namespace"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["=id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]


@admin.register(OrderTemplate)
class OrderTemplateAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["updated_at", "owner", "name", "instrument__symbol", "side", "kind", "amount", "unit"]
    list_filter = ["side", "kind"]
    list_select_related = ["owner", "instrument"]
    search_fields = ["name", "owner__email"]
    ordering = ["-pk"]


@admin.register(RiskProfile)
class RiskProfileAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """The limits that owners have set; they are theirs to change."""

    list_display = ["changed_at", "portfolio", "portfolio__owner", "name"]
    list_filter = ["name"]
    list_select_related = ["portfolio__owner"]
    search_fields = ["portfolio__name", "portfolio__owner__email"]
    ordering = ["-changed_at", "pk"]


@admin.register(RiskDecision)
class RiskDecisionAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What was denied or cut in portfolios that have limits, with the figures."""

    list_display = [
        "happened_at",
        "portfolio",
        "portfolio__owner",
        "instrument__symbol",
        "code",
        "asked",
        "allowed",
        "value",
        "limit",
    ]
    list_filter = ["code"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["=order__id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(ForeignFill)
class ForeignFillAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What exchange accounts traded that no order of ours asked for."""

    list_display = ["happened_at", "account", "account__owner", "instrument__symbol", "side", "quantity", "price"]
    list_filter = ["side"]
    list_select_related = ["account__owner", "instrument"]
    search_fields = ["=venue_fill_id", "account__label", "account__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(ProfitShareSettlement)
class ProfitShareSettlementAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """What was settled of profits, and all that each amount follows from."""

    list_display = [
        "settled_at",
        "account",
        "number",
        "cause",
        "profit",
        "ratio",
        "due",
        "platform_fee",
        "is_hypothetical",
    ]
    list_filter = ["cause", "is_hypothetical"]
    list_select_related = ["account"]
    search_fields = ["=account__follow__id", "account__follow__follower__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["began_at", "portfolio", "portfolio__owner", "instrument__symbol", "kind", "state", "state_code"]
    list_filter = ["kind", "state"]
    list_select_related = ["portfolio__owner", "instrument"]
    search_fields = ["=id", "portfolio__name", "portfolio__owner__email"]
    ordering = ["-pk"]
    paginator = InfinitePaginator
    show_full_result_count = False


@admin.register(OrderApproval)
class OrderApprovalAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ["requested_at", "portfolio", "requested_by", "side", "quantity", "state", "decided_by"]
    list_filter = ["state"]
    list_select_related = ["portfolio", "requested_by", "decided_by"]
