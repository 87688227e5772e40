"""What each unsafe route is sent: a body with which its owner succeeds, so that a refusal is about who asks."""

from __future__ import annotations

from typing import Any

from tests.fixtures_desk import NOON
from tests.routes.world import PASSWORD, World

Body = dict[str, Any]
NEW_PASSWORD = "battery staple 99"
FORMULA = "enter_long = close > ema(close, 3)"


def bodies(world: World) -> dict[tuple[str, str], Body]:
    """Return (route, method) -> body; what is missing is sent none."""
    return _page_bodies(world) | _api_bodies(world) | _admin_bodies(world)


def _page_bodies(world: World) -> dict[tuple[str, str], Body]:
    own, lead, instrument = str(world.own["alice"].pk), world.pit.lead, str(world.pit.instrument.pk)
    exchange = world.pit.desk.exchange
    amount = {"amount": "5"}
    strategy = {"name": "Other", "instrument": instrument, "timeframe": "5m", "face": "formula", "formula": FORMULA}
    terms = {
        "period": "all",
        "initial_cash": "5000",
        "taker_fee": "0.1",
        "maker_fee": "0.1",
        "slippage": "none",
        "leverage": "1",
        "fill_rule": "standard",
    }
    ranges = {f"{name}_{bound}": "3" for name in ("fast", "slow") for bound in ("from", "to", "step")}
    ranges |= {f"share_{bound}": "0.2" for bound in ("from", "to", "step")}
    sweep = {**terms, **ranges, "search": "grid", "fast_vary": "on", "fast_to": "4", "fast_step": "1"}
    posts: dict[str, Body] = {
        "account_login": {"login": "charlie@example.org", "password": PASSWORD},
        "account_signup": {"email": "dora@example.org", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        "account_reauthenticate": {"password": PASSWORD},
        "account_email": {"action_add": "", "email": "other@example.org"},
        "account_change_password": {
            "oldpassword": PASSWORD,
            "password1": NEW_PASSWORD,
            "password2": NEW_PASSWORD,
        },
        "account_set_password": {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        "account_reset_password": {"email": "alice@example.org"},
        "account_confirm_login_code": {"code": "123456"},
        "account_reset_password_from_key": {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        "accounts:profile": {"display_name": "Somebody", "handle": "somebody", "bio": "Hello."},
        "accounts:tokens": {"name": "laptop", "days": "30"},
        "accounts:leave": {"password": PASSWORD, "understood": "on"},
        "portfolios:open": {"name": "Third", "market": f"{exchange.code}:USDT", "amount": "100"},
        "portfolios:deposit": amount,
        "portfolios:withdraw": amount,
        "portfolios:transfer": {"target": own, **amount},
        "portfolios:place": {"instrument": instrument, "side": "BUY", "quantity": "0.5", "key": "once"},
        "trading:stop": {"mode": "KEEP"},
        "markets:watch_lists": {"name": "Minors"},
        "markets:rename_watch_list": {"name": "Great ones"},
        "markets:move_watched": {"to": "down"},
        "markets:watch": {"watch_list": str(world.values["watch_list_id"]), "to": "off"},
        "markets:new_alert": {"level": "110", "repeat": "once"},
        "strategies:new": strategy,
        "strategies:edit": strategy,
        "strategies:check": {"formula": FORMULA},
        "strategies:start": {"portfolio": str(lead.pk)},
        "strategies:try": terms,
        "strategies:sweep_version": sweep,
        "strategies:sweep_count": sweep,
        "marketplace:publish": {"portfolio": own, "title": "Second", "description": ""},
        "marketplace:detail": {"source": str(world.own["charlie"].pk), "amount": "100", "multiplier": "1"},
        "marketplace:edit": {"title": "Other", "description": "Other."},
        "community:new_competition": {"exchange": str(exchange.pk)},
    }
    return {(name, "POST"): body for name, body in posts.items()}


def _api_bodies(world: World) -> dict[tuple[str, str], Body]:
    own, lead, instrument = str(world.own["alice"].pk), str(world.pit.lead.pk), str(world.pit.instrument.pk)
    exchange = world.pit.desk.exchange.code
    amount = {"amount": "5"}
    strategy = {
        "name": "Other",
        "instruments": [instrument],
        "timeframe": "5m",
        "template": "ema_cross",
        "values": {"fast": 3, "slow": 9, "share": "0.2"},
    }
    span = {"start": "2026-03-01T18:00:00Z", "end": NOON.isoformat()}
    return {
        ("accounts_api:tokens", "POST"): {"name": "bot", "email": "alice@example.org", "password": PASSWORD},
        ("accounts_api:me", "PATCH"): {"display_name": "Somebody"},
        ("accounts_api:mark_read", "POST"): {"ids": [str(world.values["notification_id"])]},
        ("accounts_api:invitations", "POST"): {"valid_days": 3},
        ("markets_api:backfills", "POST"): {
            "instrument": str(world.values["venue_instrument_id"]),
            "timeframe": "1h",
            "start": "2026-01-01T00:00:00Z",
        },
        ("markets_api:alerts", "POST"): {"instrument": instrument, "kind": "ABOVE", "level": "110"},
        ("markets_api:watch_lists", "POST"): {"name": "Minors"},
        ("markets_api:watch_list", "PATCH"): {"name": "Great ones"},
        ("markets_api:watch_list_order", "PUT"): {"instruments": [str(world.other.pk), instrument]},
        ("markets_api:watched_instruments", "POST"): {"instrument": instrument},
        ("portfolios_api:portfolios", "POST"): {
            "name": "Third",
            "exchange": exchange,
            "settlement": "USDT",
            "amount": "100",
        },
        ("portfolios_api:deposit", "POST"): amount,
        ("portfolios_api:withdraw", "POST"): amount,
        ("portfolios_api:transfer", "POST"): {"target": own, **amount},
        ("trading_api:orders", "POST"): {"portfolio": lead, "instrument": instrument, "side": "BUY", "quantity": "0.5"},
        ("trading_api:stop", "POST"): {"mode": "KEEP"},
        ("trading_api:safety", "PUT"): {"level": "HALTED", "reason": "A drill."},
        ("strategies_api:strategies", "POST"): strategy,
        ("strategies_api:strategy", "PUT"): strategy,
        ("strategies_api:check", "POST"): {"formula": "enter_long = close > open"},
        ("strategies_api:backtests", "POST"): {"version": str(world.version.pk), **span},
        ("strategies_api:sweeps", "POST"): {"version": str(world.version.pk), **span, "grid": {"fast": [2, 4]}},
        ("strategies_api:runs", "POST"): {"version": str(world.version.pk), "portfolio": lead},
        ("marketplace_api:listings", "POST"): {"portfolio": own, "title": "Second"},
        ("marketplace_api:listing", "PATCH"): {"title": "Other"},
        ("marketplace_api:follow", "POST"): {
            "from_portfolio": str(world.own["charlie"].pk),
            "amount": "100",
            "multiplier": "1",
        },
        ("community_api:competitions", "POST"): {
            "title": "Second sprint",
            "exchange": exchange,
            "settlement": "USDT",
            "starting_capital": "500",
            "allowed_instruments": [instrument],
            "starts_at": NOON.isoformat(),
            "ends_at": "2026-03-02T14:00:00Z",
        },
    }


def _admin_bodies(world: World) -> dict[tuple[str, str], Body]:
    return {
        ("admin:trading_safetyswitch_halt", "POST"): {"reason": "A drill."},
        ("admin:login", "POST"): {"username": "charlie@example.org", "password": PASSWORD},
        ("admin:password_change", "POST"): {
            "old_password": PASSWORD,
            "new_password1": NEW_PASSWORD,
            "new_password2": NEW_PASSWORD,
        },
    }
