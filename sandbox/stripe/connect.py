"""Connected accounts: Express accounts, links to their onboarding and their dashboard."""

from __future__ import annotations

from sandbox.stripe import forms
from sandbox.stripe.call import Call, page
from sandbox.stripe.errors import invalid
from sandbox.stripe.world import Obj, World

NEEDED = ["business_profile.url", "external_account", "individual.first_name", "tos_acceptance.date"]
LINK_SECONDS = 300
CAPABILITIES = ("card_payments", "transfers")


def _requirements(due: list[str]) -> Obj:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": "requirements.past_due" if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def create_account(call: Call) -> Obj:
    """Create a connected account that has not been onboarded."""
    kind = forms.chosen(call.text("type", "express"), "type", ("express", "standard", "custom"))
    wanted = forms.dictionary(call.params.get("capabilities"), "capabilities") or {"transfers": {"requested": "true"}}
    unknown = set(wanted) - set(CAPABILITIES)
    if unknown:
        raise invalid(f"Unknown capability: {', '.join(sorted(unknown))}", param="capabilities")
    account = call.world.add(
        "account",
        "acct",
        {
            "business_profile": {"mcc": None, "name": None, "url": None},
            "business_type": call.text("business_type"),
            "capabilities": dict.fromkeys(wanted, "inactive"),
            "charges_enabled": False,
            "controller": {"is_controller": True, "type": "application"},
            "country": (call.text("country") or "US").upper(),
            "default_currency": call.text("default_currency") or "usd",
            "details_submitted": False,
            "email": call.text("email"),
            "future_requirements": _requirements([]),
            "metadata": call.metadata(),
            "payouts_enabled": False,
            "requirements": _requirements(NEEDED),
            "settings": _settings(call, None),
            "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
            "type": kind,
        },
    )
    del account["livemode"]
    account["external_accounts"] = {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": f"/v1/accounts/{account['id']}/external_accounts",
    }
    return account


def _settings(call: Call, before: Obj | None) -> Obj:
    payouts = (before or {}).get("payouts") or {
        "debit_negative_balances": True,
        "schedule": {"delay_days": 2, "interval": "daily"},
        "statement_descriptor": None,
    }
    sent = forms.dictionary(call.params.get("settings"), "settings")
    schedule = forms.dictionary(forms.dictionary(sent.get("payouts"), "payouts").get("schedule"), "schedule")
    if interval := schedule.get("interval"):
        forms.chosen(interval, "settings[payouts][schedule][interval]", ("manual", "daily", "weekly", "monthly"))
        payouts = {**payouts, "schedule": {**payouts["schedule"], "interval": interval}}
    return {"dashboard": {"display_name": None, "timezone": "Etc/UTC"}, "payouts": payouts}


def update_account(call: Call) -> Obj:
    """Change a connected account's settings, address or metadata."""
    account = call.named("account")
    changes: Obj = {"settings": _settings(call, account["settings"])}
    if "email" in call.params:
        changes["email"] = call.text("email")
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(account["metadata"], call.params["metadata"])
    change(call.world, account, changes)
    return account


def change(world: World, account: Obj, changes: Obj) -> None:
    """Change an account and tell the platform of it as an event of that account."""
    previous = {key: account.get(key) for key, value in changes.items() if account.get(key) != value}
    account.update(changes)
    if previous:
        world.emit("account.updated", account, previous=previous, account=account["id"])


def own_account(call: Call) -> Obj:
    """Return the account that the key, or Stripe-Account, stands for."""
    if call.account:
        return call.world.get("account", call.account)
    return {
        "id": "acct_platform",
        "object": "account",
        "charges_enabled": True,
        "payouts_enabled": True,
        "country": "US",
    }


def delete_account(call: Call) -> Obj:
    """Delete a connected account."""
    account = call.named("account")
    del call.world.tables["account"][account["id"]]
    call.world.emit(
        "account.application.deauthorized", {"id": "ca_sandbox", "object": "application"}, account=account["id"]
    )
    return {"id": account["id"], "object": "account", "deleted": True}


def create_link(call: Call) -> Obj:
    """Create a link to an account's onboarding, good for one visit within five minutes."""
    account = call.world.get("account", call.text("account"), param="account")
    kind = forms.chosen(call.text("type"), "type", ("account_onboarding", "account_update"))
    for name in ("return_url", "refresh_url"):
        if not call.text(name):
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    name = call.world.new_id("link")
    now = call.world.now()
    call.world.hidden[name] = {
        "account": account["id"],
        "kind": kind,
        "until": now + LINK_SECONDS,
        "return_url": call.text("return_url"),
        "refresh_url": call.text("refresh_url"),
    }
    return {
        "object": "account_link",
        "created": now,
        "expires_at": now + LINK_SECONDS,
        "url": f"{call.world.base}/connect/{name}",
    }


def onboard(world: World, link: Obj) -> Obj:
    """Complete the onboarding that a link leads to."""
    account = world.get("account", link["account"])
    bank = {
        "id": f"ba_{account['id'][5:]}",
        "object": "bank_account",
        "account": account["id"],
        "bank_name": "SANDBOX BANK",
        "country": account["country"],
        "currency": account["default_currency"],
        "last4": "6789",
        "status": "new",
    }
    changes = {
        "capabilities": dict.fromkeys(account["capabilities"], "active"),
        "charges_enabled": True,
        "details_submitted": True,
        "external_accounts": {**account["external_accounts"], "data": [bank]},
        "payouts_enabled": True,
        "requirements": _requirements([]),
        "tos_acceptance": {"date": world.now(), "ip": "127.0.0.1", "user_agent": None},
    }
    change(world, account, changes)
    return account


def create_login(call: Call) -> Obj:
    """Create a link to an onboarded account's dashboard."""
    account = call.named("account")
    if not account["details_submitted"]:
        raise invalid("Cannot create a login link for an account that has not completed onboarding.")
    url = f"{call.world.base}/express/{account['id']}"
    return {"object": "login_link", "created": call.world.now(), "url": url}


def list_accounts(call: Call) -> Obj:
    """List connected accounts."""
    return page(call, call.world.all("account"), "/v1/accounts")
