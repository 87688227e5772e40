"""What each unsafe route is sent: a body with which its owner succeeds, so that a refusal is about who asks."""

from __future__ import annotations

from tests.fixtures_desk import NOON
from tests.fixtures_signer import CREDENTIALS
from tests.routes.bodies_marketplace import Body, marketplace_bodies
from tests.routes.bodies_notifying import notifying_bodies
from tests.routes.world import PASSWORD, World
from tests.routes.world_teams import team_bodies

NEW_PASSWORD = "battery staple 99"
FORMULA = "enter_long = close > ema(close, 3)"

COSTS = {
    "maker_fee_bps": "1",
    "taker_fee_bps": "7.5",
    "slippage_bps": "3",
    "latency_ms": "250",
    "latency_jitter_ms": "100",
}


def bodies(world: World) -> dict[tuple[str, str], Body]:
    """Return (route, method) -> body; what is missing is sent none."""
    own = _page_bodies(world) | _api_bodies(world) | _trading_bodies(world) | _admin_bodies(world)
    return own | marketplace_bodies(world) | notifying_bodies(PASSWORD) | team_bodies(world)


BACKTEST = {
    "period": "all",
    "initial_cash": "5000",
    "taker_fee": "0.1",
    "maker_fee": "0.1",
    "slippage": "none",
    "leverage": "1",
    "fill_rule": "standard",
}


def _page_bodies(world: World) -> dict[tuple[str, str], Body]:
    own, lead, instrument = str(world.own["alice"].pk), world.pit.lead, str(world.pit.instrument.pk)
    exchange = world.pit.desk.exchange
    amount = {"amount": "5"}
    strategy = {"name": "Other", "instrument": instrument, "timeframe": "5m", "face": "formula", "formula": FORMULA}
    ranges = {f"{name}_{bound}": "3" for name in ("fast", "slow") for bound in ("from", "to", "step")}
    ranges |= {f"share_{bound}": "0.2" for bound in ("from", "to", "step")}
    sweep = {**BACKTEST, **ranges, "search": "grid", "fast_vary": "on", "fast_to": "4", "fast_step": "1"}
    posts: dict[str, Body] = {
        "account_login": {"login": "charlie@example.org", "password": PASSWORD},
        "account_signup_by_passkey": {"email": "dora@example.org"},
        "wallet_challenge": {"chain": "ETHEREUM", "address": "0x" + "1" * 40},
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
        "accounts:tokens": {"name": "laptop", "days": "30", "scopes": ["read"]},
        "accounts:webhooks": {"url": "https://example.com/hook", "events": ["fill.recorded"]},
        "portfolios:open": {"name": "Third", "market": f"{exchange.code}:USDT", "amount": "100"},
        "portfolios:deposit": amount,
        "portfolios:withdraw": amount,
        "portfolios:transfer": {"target": own, **amount},
        "portfolios:place": {"instrument": instrument, "side": "BUY", "quantity": "0.5", "key": "once"},
        "portfolios:risk_profile": {"profile": "BALANCED"},
        "portfolios:risk_limits": {"max_order_share": "80"},
        "portfolios:risk_safety": {"level": "REDUCING"},
        "portfolios:live_trading": {"is_on": "off"},
        "portfolios:costs": COSTS,
        "trading:assign_fill": {"portfolio": str(world.live.pk)},
        "trading:edit": {"quantity": "0.5", "limit_price": "91"},
        "trading:new_template": {"name": "Dip", "side": "BUY", "kind": "MARKET", "amount": "5", "unit": "PERCENT"},
        "trading:edit_template": {"name": "Dip", "side": "BUY", "kind": "MARKET", "amount": "5", "unit": "PERCENT"},
        "trading:stop": {"mode": "KEEP"},
        "trading:copy_settings": {"sizing": "EQUITY_RATIO", "multiplier": "2"},
        "trading:switch_mine": {"level": "HALTED"},
        "markets:watch_lists": {"name": "Minors"},
        "markets:rename_watch_list": {"name": "Great ones"},
        "markets:move_watched": {"to": "down"},
        "markets:watch": {"watch_list": str(world.values["watch_list_id"]), "to": "off"},
        "markets:new_alert": {"level": "110", "repeat": "once"},
        "strategies:new": strategy,
        "strategies:edit": strategy,
        "strategies:check": {"formula": FORMULA},
        "strategies:start": {"portfolio": str(lead.pk)},
        "strategies:try": BACKTEST,
        "strategies:sweep_version": sweep,
        "strategies:sweep_count": sweep,
        "community:new_competition": {"exchange": str(exchange.pk)},
        "exchange_accounts:connect": {"label": "Second", **CREDENTIALS},
        "exchange_accounts:rename": {"label": "Other"},
        "exchange_accounts:rekey": CREDENTIALS,
    }
    return {(name, "POST"): body for name, body in posts.items()}


def _trading_bodies(world: World) -> dict[tuple[str, str], Body]:
    which = {"portfolio": str(world.pit.lead.pk), "instrument": str(world.pit.instrument.pk)}
    order = {**which, "side": "BUY", "quantity": "0.5"}
    template = {"name": "Dip", "side": "BUY", "amount": "5", "unit": "PERCENT"}
    dca = {"amount": "10", "interval_seconds": 3600, "times": 3}
    return {
        ("portfolios:new_plan", "POST"): {**dca, "instrument": which["instrument"], "key": "once"},
        ("trading:stop_plan", "POST"): {"mode": "KEEP"},
        ("trading_api:plans", "POST"): {**which, "kind": "DCA", "settings": dca},
        ("trading_api:preview_plan", "POST"): {**which, "kind": "DCA", "settings": dca},
        ("trading_api:stop_plan", "POST"): {"closes": False},
        ("trading_api:orders", "POST"): order,
        ("trading_api:order", "PATCH"): {"quantity": "0.5", "limit_price": "91"},
        ("trading_api:bulk", "POST"): {"orders": [{**order, "key": "once"}]},
        ("trading_api:templates", "POST"): template,
        ("trading_api:template", "PUT"): template,
        ("trading_api:pairs", "POST"): {**order, "limit_price": "90", "stop_price": "110"},
        ("trading_api:cancel_all", "POST"): which,
        ("trading_api:close", "POST"): which,
        ("trading_api:stop", "POST"): {"mode": "KEEP"},
        ("trading:guards", "POST"): {"stop": "30", "kind": "FIXED", "daily_loss": ""},
        ("trading_api:guards", "PUT"): {"copy_stop": "0.3", "daily_loss": None},
        ("trading_api:protective_stop", "PUT"): {"share": None},
        ("trading:signals", "POST"): {"name": "Second"},
        ("trading_api:signal_sources", "POST"): {"portfolio": which["portfolio"], "name": "Third"},
        ("trading_api:signal_source", "PATCH"): {"is_on": False},
        ("trading_api:copy_settings", "PUT"): {"settings": {"max_order_share": "0.8"}},
        ("trading_api:safety", "PUT"): {"level": "HALTED", "reason": "A drill."},
        ("trading_api:scope_safety", "PUT"): {"level": "HALTED", "reason": "A drill."},
        ("trading_api:close_all", "POST"): {"scope": "PORTFOLIO", "scope_id": str(world.pit.lead.pk)},
        ("trading_api:risk", "PUT"): {"limits": {"max_order_share": "0.8"}},
    }


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
        ("accounts_api:webhooks", "POST"): {"url": "https://example.com/hook", "events": ["fill.recorded"]},
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
        ("portfolios_api:exchange_accounts", "POST"): {
            "exchange": world.values["exchange"],
            "mode": "SANDBOX",
            "label": "Second",
            "credentials": CREDENTIALS,
        },
        ("portfolios_api:live_trading", "PUT"): {"is_on": False},
        ("portfolios_api:costs", "PUT"): COSTS,
        ("trading_api:margin_terms", "PUT"): {"leverage": 2, "margin_mode": "CROSS"},
        ("portfolios_api:exchange_account", "PATCH"): {"label": "Other"},
        ("portfolios_api:exchange_account_key", "PUT"): {"credentials": CREDENTIALS},
        ("strategies_api:strategies", "POST"): strategy,
        ("strategies_api:strategy", "PUT"): strategy,
        ("strategies_api:check", "POST"): {"formula": "enter_long = close > open"},
        ("strategies_api:backtests", "POST"): {"version": str(world.version.pk), **span},
        ("strategies_api:sweeps", "POST"): {"version": str(world.version.pk), **span, "grid": {"fast": [2, 4]}},
        ("strategies_api:runs", "POST"): {"version": str(world.version.pk), "portfolio": lead},
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
