"""A follow's settings: checked in one place, changed for the positions to come (rule 32), and proposed from what the lead has done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from engine.copying.settings import DEFAULTS, SPEC, CopySettings, SettingError, settings_data, settings_from
from engine.copying.sizing import share_of
from engine.decimals import ONE
from portfolios.models import Portfolio
from trading.models import UNFINISHED_FOLLOW, Follow, LeadEvent

# The lead's own maxima are looked for in so many days.
LOOKS_BACK = timedelta(days=90)


def checked_settings(given: Mapping[str, object]) -> CopySettings:
    """Return settings as typed, sent or stored; raise DomainError for the first that cannot be."""
    try:
        return settings_from(given)
    except SettingError as error:
        raise DomainError(error.code, error.message, {"field": error.field}) from error


def change_settings(*, actor: User, follow: Follow, settings: Mapping[str, object]) -> Follow:
    """Give a follow other settings, all of them: what is left out has its default. What is open keeps those of its opening."""
    wanted = checked_settings(settings)
    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk).select_related("lead", "portfolio"))[0]
        if locked.state not in UNFINISHED_FOLLOW:
            raise DomainError("FOLLOW_STATE", "This follow has ended; start a new one to copy again.", status=409)
        before, locked.settings = locked.settings, settings_data(wanted)
        if locked.settings != before:
            locked.save(update_fields=["settings"])
            audit(
                action="follow.settings_changed", obj=locked, actor=actor, before=before or None, after=locked.settings
            )
    publish([(f"portfolio:{locked.portfolio_id}", {"refresh": ["follow"]})])
    return locked


def first_settings(lead: Portfolio, given: Mapping[str, object]) -> CopySettings:
    """Return the settings that a follow begins with: what was given, guards that suit the lead, and defaults."""
    return checked_settings({**proposed_guards(lead, checked_settings(given).multiplier), **given})


def proposed_guards(lead: Portfolio, multiplier: Decimal = ONE) -> dict[str, Decimal]:
    """Return shares for one order and one instrument that would have cut none of the lead's opens in 90 days (model.md 11).

    Never tighter than the defaults, which alone hold for a lead without history: then nothing is proposed.
    """
    since = market_now(lead.namespace) - LOOKS_BACK
    fields = ("opened_quantity", "resulting_quantity", "price", "lead_equity")
    rows = LeadEvent.objects.filter(lead=lead, happened_at__gte=since).values_list(*fields)
    opens = [row for row in rows if row[0]]
    if not opens:
        return {}
    order = max(share_of(opened, price, equity) for opened, _, price, equity in opens)
    position = max(share_of(abs(held), price, equity) for _, held, price, equity in opens)
    return {
        "max_order_share": _guard("max_order_share", order * multiplier),
        "max_instrument_share": _guard("max_instrument_share", max(position, order) * multiplier),
    }


def _guard(name: str, share: Decimal) -> Decimal:
    """Round a share up to a whole per cent that the setting may have."""
    whole = (share * 100).to_integral_value(ROUND_CEILING) / 100
    default: Decimal = getattr(DEFAULTS, name)
    return min(max(whole, default), SPEC[name].high)
