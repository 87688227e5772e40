"""A body may carry whatever it likes: what is stored is what the body without it would have stored, to the digit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from common import clock, ids
from tests.fixtures_counts import forget_counts
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import everything_stored
from tests.routes.tables import rows_of
from tests.routes.world import World, send
from trading.copy_accounts.models import HighWaterMark

DONE = {"done", "200", "201", "204"}


@pytest.fixture
def repeats(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Give a function after which all that happens by chance happens as it did after the last call."""
    now = clock.wall_now()
    clock.use_wall_clock(lambda: now)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)

    def again() -> None:
        chance = ids.seeded_random("again")
        ids.use_seed(1)
        forget_counts()
        if connection.vendor == "postgresql":
            # What is undone gives no numbers back; the audit log names a switch by its number, an account its mark.
            with connection.cursor() as cursor:
                for table in ("trading_safetyswitch", HighWaterMark._meta.db_table):
                    cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1000)", [table])
        monkeypatch.setattr("secrets.token_urlsafe", lambda size: chance.randbytes(size).hex())
        monkeypatch.setattr("secrets.token_bytes", chance.randbytes)
        monkeypatch.setattr("secrets.choice", chance.choice)

    yield again
    clock.use_wall_clock(None)
    ids.use_seed(None)


def _extras(world: World) -> dict[str, Any]:
    """Return fields that rows have and bodies do not, with values that somebody would like them to have."""
    charlie, other = str(world.people["charlie"].pk), str(world.own["charlie"].pk)
    people = ("owner", "owner_id", "user", "user_id", "follower", "lead", "actor", "created_by", "operator", "set_by")
    amounts = (
        "net_deposits",
        "balance",
        "equity",
        "reserved",
        "average_price",
        "filled_quantity",
        "price",
        "unit_value",
    )
    rights = ("is_staff", "is_superuser", "is_active", "is_default", "cash_is_locked", "is_restricted", "verified")
    return {
        **dict.fromkeys(people, charlie),
        **dict.fromkeys(amounts, "987654"),
        **dict.fromkeys(rights, True),
        "id": other,
        "pk": other,
        "portfolio_id": other,
        "kind": "LIVE",
        "state": "FROZEN",
        "namespace": "elsewhere",
        "slippage_bps": "-987",
        "fee": "-987",
        "starting_equity": "987654",
        "start_seq": 0,
        "stop_loss_ratio": "0.5",
        "cause_kind": "LEAD_EVENT",
        "cause_id": "1",
        "leg": "CLOSE",
        "client_order_id": "feed" * 8,
        "code": "mallory",
        "digest": "feed" * 16,
        "prefix": "slip_mallory",
        "revoked_at": None,
        "used_at": "2020-01-01T00:00:00Z",
        "opened_at": "2020-01-01T00:00:00Z",
        "published_at": "2020-01-01T00:00:00Z",
        "plan": str(world.people["alice"].pk),
        "record": {"unit_value": 987654},
    }


def _stored_by(world: World, route: Route, method: str, asker: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Return the status of a request and all that is stored after it; then undo it."""
    with transaction.atomic():
        answer = send(world.client(route, asker), method, world.path(route), body, as_json=route.is_api)
        stored = everything_stored()
        transaction.set_rollback(True)
    return answer.status_code, stored


@pytest.mark.timeout(300)  # every route that takes a body, twice
def test_what_was_not_asked_for_is_not_taken(world: World, repeats: Callable[[], None]) -> None:
    taken = []
    routes = {route.name: route for route in all_routes()}
    # The address itself is asked for here.
    asked_for = {
        "account_email": {"email"},
        "account_signup": {"email"},
        "portfolios:place": {"kind"},
        "marketplace:follow": {"kind"},
        "trading_api:orders": {"kind"},
        "trading_api:templates": {"kind"},
        "trading_api:template": {"kind"},
        "billing_api:subscription": {"kind", "price"},
    }
    for (name, method), body in bodies(world).items():
        answers = next(row.answers for row in rows_of(routes[name]) if row.method == method)
        asker = next((who for who, got in answers.items() if got in DONE), "")
        if not asker or routes[name].is_admin:
            continue
        extras = {key: value for key, value in _extras(world).items() if key not in body}
        extras = {key: value for key, value in extras.items() if key not in asked_for.get(name, set())}
        if not routes[name].is_api:
            extras = {key: str(value) for key, value in extras.items()}
        found = []
        for sent in (body, {**extras, **body}):
            repeats()
            found.append(_stored_by(world, routes[name], method, asker, sent))
        if found[0] != found[1]:
            taken.append(f"{method} {name}")
    assert not taken, "\n".join(taken)
