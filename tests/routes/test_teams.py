"""Portfolios, their orders and teams, asked by those who share alice's: a viewer, a trader, one to whom she lent, one she removed.

The lead portfolio is the workspace's here; a second table, so that the great one need not have three more columns.
"""

from __future__ import annotations

from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from accounts.teams.models import Membership
from accounts.teams.services import remove_member
from portfolios.models import Portfolio
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.tables import rows_of
from tests.routes.tables_members import MEMBERS
from tests.routes.world import World, send, unchanged

ASKERS = ("viewer", "trader", "lent", "removed")
# Of whose routes the answers follow from what somebody may do with a portfolio, or in a workspace.
ABOUT = ("portfolio_id", "order_id", "fill_id", "plan_id", "source_id", "approval_id", "workspace_id")
REFUSED = {"403", "404"}


def routes() -> list[tuple[Route, str]]:
    """Return the routes of one portfolio, of what is in it, and of one workspace, with their methods."""
    named = [route for route in all_routes() if not route.is_admin and set(route.keys) & set(ABOUT)]
    named = [route for route in named if "follow" not in route.name and not route.name.endswith((":copies", ":signal"))]
    return [(route, row.method) for route in named for row in rows_of(route)]


def shared(world: World) -> dict[str, User]:
    """Give the workspace alice's portfolios, and put one member out; return who asks."""
    portfolios = [world.pit.lead.pk, world.own["alice"].pk]
    Portfolio.objects.filter(pk__in=portfolios).update(workspace=world.values["workspace_id"])
    nora = world.people["charlie"]
    gone = Membership.objects.create(workspace_id=world.values["workspace_id"], user=nora, role="trader")
    remove_member(actor=world.people["alice"], membership=gone)
    team = world.team
    return {"viewer": team["vera"], "trader": team["theo"], "lent": team["lena"], "removed": nora}


def test_every_member_gets_what_the_table_says(world: World) -> None:
    people, sent, found = shared(world), bodies(world), []
    secrets = {name: issue_token(user=person, name="bot")[1] for name, person in people.items()}
    for route, method in routes():
        answers = []
        for asker, person in people.items():
            client = Client(raise_request_exception=False)
            if route.is_api:
                client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secrets[asker]}"
            else:
                client.force_login(person)
            with transaction.atomic():
                path, body = world.path(route), sent.get((route.name, method))
                status = send(client, method, path, body, as_json=route.is_api).status_code
                transaction.set_rollback(True)
            answers.append("done" if status == 302 else str(status))
        found.append(" ".join([route.name, method, *answers]))
    wanted = [" ".join(line.split()) for line in MEMBERS.strip().splitlines()[1:]]
    assert found == wanted


def test_who_may_only_look_changes_nothing(world: World) -> None:
    people, sent = shared(world), bodies(world)
    refused = [line.split() for line in MEMBERS.strip().splitlines()[1:]]
    rows = {(name, method) for name, method, viewer, *_ in refused if viewer in REFUSED and method != "GET"}
    assert len(rows) > 40
    client = Client(raise_request_exception=False)
    client.force_login(people["viewer"])
    with unchanged() as tables:
        for route, method in routes():
            if (route.name, method) in rows and not route.is_api:
                send(client, method, world.path(route), sent.get((route.name, method)))
    assert tables == []
