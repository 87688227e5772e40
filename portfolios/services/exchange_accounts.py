"""Exchange accounts: connected, renamed, given another key, revoked by their owner. The key itself is sealed at once."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import LimitName, User
from accounts.sealing import context_of, seal, sealing_key
from accounts.selectors import check_limit
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from markets.gateway.venues import VENUES, Venue
from markets.models import Exchange
from portfolios.models import AccountMode, AccountState, ExchangeAccount

PURPOSE = "exchange-account"
MAX_LABEL = 60
MAX_CREDENTIAL = 500
_HINT, _LONG_ENOUGH_FOR_A_HINT = 4, 16
_CREDENTIALS = {
    "api_key": "API key",
    "secret": "secret",
    "password": "passphrase",
}


def seal_context(account: ExchangeAccount) -> bytes:
    """Return what binds an account's sealed key to it and to its owner."""
    return context_of(PURPOSE, account.owner_id, account.pk)


@transaction.atomic
def connect_account(
    *, owner: User, exchange: Exchange, mode: AccountMode, label: str, credentials: Mapping[str, str]
) -> ExchangeAccount:
    """Store an account with its key sealed, and queue the check of it.

    Raises DomainError: LABEL_INVALID, LABEL_TAKEN, CREDENTIALS_INVALID, LIMIT_REACHED, SIGNER_NOT_SET_UP. Who calls this
    for a live account has asked for a fresh second factor.
    """
    named = _label(label)
    plain = _checked(VENUES[exchange.dialect], credentials)
    # Two requests at once must not both find room for the last one, nor for one label.
    lock_rows(User.objects.filter(pk=owner.pk))
    mine = ExchangeAccount.objects.filter(owner=owner).exclude(state=AccountState.REVOKED)
    check_limit(owner, LimitName.EXCHANGE_ACCOUNTS, mine.count())
    _refuse_taken(mine.filter(label=named).exists())
    account = ExchangeAccount(owner=owner, exchange=exchange, mode=mode, label=named)
    _put_key_in(account, plain)
    account.save(force_insert=True)
    audit(action="exchange_account.connected", obj=account, actor=owner, after=_facts(account))
    notify(user=owner, event="exchange_account.connected", context=_told(account))
    return account


@transaction.atomic
def replace_key(*, account: ExchangeAccount, actor: User, credentials: Mapping[str, str]) -> ExchangeAccount:
    """Put another key in and queue its check; what is under way with the old one counts no more.

    Raises DomainError CREDENTIALS_INVALID, ACCOUNT_REVOKED, SIGNER_NOT_SET_UP.
    """
    held = _locked(account)
    plain = _checked(VENUES[held.exchange.dialect], credentials)
    held.version += 1
    _put_key_in(held, plain)
    held.save()
    audit(action="exchange_account.rekeyed", obj=held, actor=actor, after=_facts(held))
    notify(user=held.owner, event="exchange_account.rekeyed", context=_told(held))
    return held


@transaction.atomic
def rename_account(*, account: ExchangeAccount, actor: User, label: str) -> ExchangeAccount:
    """Give the account another label; raise DomainError LABEL_INVALID, LABEL_TAKEN, ACCOUNT_REVOKED."""
    named = _label(label)
    lock_rows(User.objects.filter(pk=account.owner_id))
    held = _locked(account)
    others = ExchangeAccount.objects.filter(owner=held.owner, label=named).exclude(pk=held.pk)
    _refuse_taken(others.exclude(state=AccountState.REVOKED).exists())
    held.label, held.updated_at = named, wall_now()
    held.save(update_fields=["label", "updated_at"])
    audit(action="exchange_account.renamed", obj=held, actor=actor)
    return held


@transaction.atomic
def request_check(*, account: ExchangeAccount, actor: User) -> ExchangeAccount:
    """Queue another check of the key; one that waits already is not moved. Raises DomainError ACCOUNT_REVOKED."""
    held = _locked(account)
    if held.check_due_at is None or held.claimed_until is None:
        _queue_check(held, wall_now())
        held.save()
        audit(action="exchange_account.check_requested", obj=held, actor=actor)
    return held


@transaction.atomic
def revoke_account(*, account: ExchangeAccount, actor: User | None = None) -> ExchangeAccount:
    """Delete the key for good; the row stays as what other books may name. Revoking again changes nothing."""
    held = lock_rows(ExchangeAccount.objects.filter(pk=account.pk).select_related("exchange", "owner"))[0]
    if held.state == AccountState.REVOKED:
        return held
    held.state, held.code = AccountState.REVOKED, ""
    held.credentials, held.seal_key, held.key_hint, held.permissions = b"", "", "", []
    held.check_due_at = held.claimed_until = None
    held.version += 1
    held.updated_at = wall_now()
    held.save()
    audit(action="exchange_account.revoked", obj=held, actor=actor)
    return held


def _locked(account: ExchangeAccount) -> ExchangeAccount:
    """Return the account as it is now, locked; a revoked one is done with."""
    held = lock_rows(ExchangeAccount.objects.filter(pk=account.pk).select_related("exchange", "owner"))[0]
    if held.state == AccountState.REVOKED:
        raise DomainError("ACCOUNT_REVOKED", "This account is revoked: connect it anew.", status=409)
    return held


def _put_key_in(account: ExchangeAccount, plain: Mapping[str, str]) -> None:
    recipient = sealing_key()
    secret = json.dumps(dict(plain), sort_keys=True, separators=(",", ":")).encode()
    account.credentials, account.seal_key = seal(secret, recipient, seal_context(account)), recipient.id
    key = plain["api_key"]
    account.key_hint = key[-_HINT:] if len(key) >= _LONG_ENOUGH_FOR_A_HINT else ""
    _queue_check(account, wall_now())


def _queue_check(account: ExchangeAccount, now: datetime) -> None:
    account.state, account.code, account.permissions = AccountState.CHECKING, "", []
    account.check_due_at, account.claimed_until, account.attempts = now, None, 0
    account.reconciled_at = None
    account.updated_at = now


def _label(label: str) -> str:
    named = " ".join(label.split())
    if not 1 <= len(named) <= MAX_LABEL or not named.isprintable():
        message = f"Give the account a name of 1 to {MAX_LABEL} characters."
        raise DomainError("LABEL_INVALID", message, {"field": "label"})
    return named


def _refuse_taken(is_taken: bool) -> None:
    if is_taken:
        message = "You have an exchange account of this name; choose another."
        raise DomainError("LABEL_TAKEN", message, {"field": "label"}, status=409)


def _checked(venue: Venue, credentials: Mapping[str, str]) -> dict[str, str]:
    """Return what the venue wants of a key, each without blanks around it. A refusal never quotes what was given."""
    plain = {name: credentials.get(name, "").strip() for name in venue.credentials}
    for name, value in plain.items():
        if not _could_be(venue, name, value):
            message = f"Paste the {_CREDENTIALS[name]} as {venue.name} shows it."
            raise DomainError("CREDENTIALS_INVALID", message, {"field": name})
    return plain


def _could_be(venue: Venue, name: str, value: str) -> bool:
    """Return whether a value is one that headers and signatures can be made of; others never reach the library."""
    if not 1 <= len(value) <= MAX_CREDENTIAL or not (value.isascii() and value.isprintable()) or " " in value:
        return False
    if name == "secret" and venue.has_base64_secret:
        try:
            return bool(b64decode(value, validate=True))
        except binascii.Error:
            return False
    return True


def _facts(account: ExchangeAccount) -> dict[str, Any]:
    return {"exchange": account.exchange.code, "mode": account.mode, "version": account.version}


def _told(account: ExchangeAccount) -> dict[str, Any]:
    return {"label": account.label, "exchange": account.exchange.name, "account": str(account.pk)}
