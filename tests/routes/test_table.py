"""Every route of the site, asked by everybody: the answers are those of tables.py, guarded as guards.py says; no route lacks a row."""

from __future__ import annotations

from fnmatch import fnmatchcase
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.routes.bodies import bodies
from tests.routes.guards import faults_of
from tests.routes.routes import Route, all_routes
from tests.routes.tables import ROWS, rows_of
from tests.routes.tables_identity import ALLAUTHS
from tests.routes.world import ASKERS, Answer, World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LOGIN_PAGES = ("/accounts/login/", "/accounts/reauthenticate/", "/admin/login/")


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    names = [route.name for route in all_routes()]
    assert len(names) == len(set(names))
    assert [route.name for route in all_routes() if not rows_of(route)] == []
    assert [row.name for row in ROWS if not any(fnmatchcase(name, row.name) for name in names)] == []
    assert len(ROWS) == len({(row.name, row.method) for row in ROWS})


def _answer(answer: Answer, path: str) -> str:
    """Return an answer in the words of the table."""
    if answer.status_code != 302:
        return str(answer.status_code)
    target = urlsplit(answer["Location"])
    assert not target.netloc, f"{path} leads away, to {answer['Location']}"
    if target.path not in LOGIN_PAGES:
        return "done"
    if not target.query:
        return "entry"
    return "login" if parse_qs(target.query).get("next") == [path] else f"login, and then {target.query}"


@pytest.mark.parametrize("asker", ASKERS)
def test_everybody_gets_what_the_table_says_and_it_is_guarded(world: World, asker: str) -> None:
    sent, wrong, pages = bodies(world), [], 0
    for route in all_routes():
        path = world.path(route)
        for row in rows_of(route):
            answer = world.ask(route, row.method, asker, sent.get((route.name, row.method)))
            asked, found = f"{row.method} {route.name}", _answer(answer, path)
            if found != row.answers[asker]:
                wrong.append(f"{asked}: {found}, not {row.answers[asker]}")
            embedded = route.name == "marketplace:embed"
            faults = faults_of(answer, is_admin=route.is_admin, is_embedded=embedded)
            wrong += [f"{asked} ({found}): {fault}" for fault in faults]
            pages += answer.get("Content-Type", "").startswith("text/html") and answer.status_code == 200
    assert not wrong, "\n".join(wrong)
    assert pages > 10


def test_no_other_method_opens_a_route(world: World) -> None:
    def opened(route: Route) -> list[str]:
        listed = {row.method for row in rows_of(route)}
        others = [method for method in METHODS if method not in listed]
        return [method for method in others if world.ask(route, method, "operator").status_code != 405]

    # Django's and allauth's own views take a PUT for a POST, which the CSRF check guards alike.
    ours = [route for route in all_routes() if not route.is_admin and not route.name.startswith(ALLAUTHS)]
    assert {route.name: methods for route in ours if (methods := opened(route))} == {}
