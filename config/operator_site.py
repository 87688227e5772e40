"""The operators' admin site: unfold's look, our login, and a content policy of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.text import capfirst
from django_vite.core.asset_loader import DjangoViteAssetLoader
from unfold.sites import UnfoldAdminSite

from trading.models import SafetyLevel
from trading.selectors import platform_level

# Measured in Chromium: unfold's Alpine.js compiles the expressions in its markup (eval), and its pages carry style
# attributes. Scripts still come from this site alone, and none may stand in a page.
POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}

# Group → (model, icon of the Material Symbols font that unfold ships).
SIDEBAR: dict[str, list[tuple[str, str]]] = {
    "People": [
        ("accounts.User", "group"),
        ("accounts.Plan", "tune"),
        ("accounts.Invitation", "mail"),
        ("accounts.ApiToken", "key"),
        ("accounts.SignIn", "login"),
        ("accounts.Notification", "notifications"),
        ("accounts.AuditEntry", "history"),
    ],
    "Markets": [
        ("markets.Exchange", "account_balance"),
        ("markets.Asset", "toll"),
        ("markets.Market", "currency_exchange"),
        ("markets.Instrument", "candlestick_chart"),
        ("markets.Backfill", "history"),
    ],
    "Books": [
        ("portfolios.Portfolio", "account_balance_wallet"),
        ("portfolios.Balance", "balance"),
        ("portfolios.Position", "pie_chart"),
        ("portfolios.LedgerLine", "receipt_long"),
        ("portfolios.EquitySnapshot", "show_chart"),
        ("portfolios.ExchangeAccount", "key"),
        ("portfolios.ExchangeAccountUse", "history"),
    ],
    "Trading": [
        ("trading.SafetySwitch", "emergency_home"),
        ("trading.Order", "list_alt"),
        ("trading.Fill", "done_all"),
        ("trading.Follow", "group_add"),
        ("trading.LeadEvent", "campaign"),
        ("trading.FollowCommand", "build"),
        ("trading.Trigger", "notifications_active"),
    ],
    "Strategies": [
        ("strategies.Strategy", "schema"),
        ("strategies.StrategyVersion", "commit"),
        ("strategies.StrategyRun", "play_circle"),
        ("strategies.Backtest", "history"),
        ("strategies.Sweep", "grid_on"),
    ],
    "Marketplace": [
        ("marketplace.Listing", "storefront"),
        ("community.Competition", "emoji_events"),
        ("community.CompetitionEntry", "leaderboard"),
    ],
}


View = Callable[..., HttpResponseBase]


class OperatorSite(UnfoldAdminSite):  # type: ignore[misc]
    """Every admin page passes `admin_view`, so the laxer policy is given there and nowhere else."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        return csp_replace(POLICY)(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send operators through the site's own login, which limits attempts and writes the sign-in log."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer


def environment(request: HttpRequest) -> tuple[str, str] | None:
    """Return the label beside the account menu of every page: only when trading is not as it should be."""
    level = platform_level()
    return None if level == SafetyLevel.ACTIVE else (f"Trading {level.lower()}", "danger")


def favicon(request: HttpRequest) -> str:
    """Return the address of the site's own icon, whose name changes with its content."""
    return str(DjangoViteAssetLoader.instance().generate_vite_asset_url("src/favicon.svg", "default"))


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar, as unfold's SIDEBAR setting wants it: what is registered, in the order of the floors."""
    groups = [{"title": "", "separator": False, "items": [_link("Overview", "dashboard", "admin:index")]}]
    for title, entries in SIDEBAR.items():
        items = [_model_link(label, icon) for label, icon in entries if admin.site.is_registered(apps.get_model(label))]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def _model_link(label: str, icon: str) -> dict[str, Any]:
    meta = apps.get_model(label)._meta
    return _link(capfirst(str(meta.verbose_name_plural)), icon, f"admin:{meta.app_label}_{meta.model_name}_changelist")


def _link(title: str, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(view)}
