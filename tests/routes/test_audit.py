"""Every act that changes anything is in the audit: who, as what, from where, in which request; what is not, is named here and says why."""

from __future__ import annotations

from django.db import transaction

from accounts.models import AuditEntry
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import unchanged
from tests.routes.tables import Row, rows_of
from tests.routes.world import World, send

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
DONE = {"done", "200", "201", "204"}
# Nobody's acts: what is made ready for an answer that is one, and forgotten within minutes.
UNAUDITED = {
    "wallet_challenge": "a nonce, for nobody yet; the log-in or link that uses it has an entry",
}


def _asker(row: Row) -> str | None:
    """Return who succeeds: whoever is signed in already is only led on from the doors at which one signs in."""
    is_entrance = row.answers["nobody"] in DONE and row.name.startswith(("account_", "mfa_"))
    return (
        "nobody"
        if is_entrance
        else next((one for one in ("alice", "bob", "operator") if row.answers[one] in DONE), None)
    )


def _is_told(world: World, route: Route, row: Row, asker: str, body: object) -> bool:
    """Ask for an act, undo it, and say whether it left an entry of this request."""
    with transaction.atomic():
        last = AuditEntry.objects.latest("pk").pk
        send(world.client(route, asker), row.method, world.path(route), body, as_json=route.is_api)
        entries = list(AuditEntry.objects.filter(pk__gt=last, address="127.0.0.1").exclude(request_id=""))
        transaction.set_rollback(True)
    return any(one.actor_id or asker == "nobody" for one in entries)


def test_every_act_that_changes_anything_leaves_an_entry(world: World) -> None:
    sent, silent, told = bodies(world), {}, 0
    for route in all_routes():
        for row in rows_of(route):
            asker = _asker(row)
            if row.method not in UNSAFE or asker is None or route.is_admin or route.name in UNAUDITED:
                continue
            body = sent.get((route.name, row.method))
            if _is_told(world, route, row, asker, body):
                told += 1
                continue
            # Looking at every table takes longer than asking: only what left no entry is asked what it changed.
            with unchanged() as tables:
                send(world.client(route, asker), row.method, world.path(route), body, as_json=route.is_api)
            if tables:
                silent[f"{row.method} {route.name}"] = tables
    assert silent == {}
    assert told > 150


def test_what_is_named_as_silent_exists(world: World) -> None:
    names = {route.name for route in all_routes()}
    assert set(UNAUDITED) <= names
