"""Every route of the API says what it takes of a token, in one place; a token that lacks it is refused and nothing happens."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from accounts.programs.doors import ApiView
from accounts.programs.scopes import ALL_SCOPES, Scope, needed_scope
from accounts.services import issue_token
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import unchanged
from tests.routes.tables import rows_of
from tests.routes.world import World, send

METHODS = ("get", "post", "put", "patch", "delete")
# What drf-spectacular serves by itself: public, and read only.
OF_OTHERS = {"schema", "api_docs"}


def _views(resolver: URLResolver | None = None, prefix: str = "") -> dict[str, type[Any]]:
    """Return the view class of every route that has one, by the route's full name."""
    found: dict[str, type[Any]] = {}
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLPattern):
            view = getattr(one.callback, "cls", None)
            if view is not None and issubclass(view, APIView):
                found[f"{prefix}{one.name}"] = view
        else:
            found |= _views(one, f"{prefix}{one.namespace}:" if one.namespace else prefix)
    return found


def test_every_route_of_the_api_declares_its_scope() -> None:
    views = {name: view for name, view in _views().items() if name not in OF_OTHERS}
    assert len(views) > 130
    assert [name for name, view in views.items() if not issubclass(view, ApiView)] == []
    assert [name for name, view in views.items() if not isinstance(getattr(view, "scope", None), Scope)] == []
    # Who only reads says READ, so that nobody thinks that there is something to change.
    reading = {name for name, view in views.items() if not any(hasattr(view, one) for one in METHODS if one != "get")}
    assert [name for name in reading if views[name].scope is not Scope.READ] == []


def _allowed(route: Route) -> list[str]:
    return [row.method for row in rows_of(route)]


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_token_does_what_its_scope_says_and_nothing_else(world: World, scope: str) -> None:
    """All routes with a token of one scope: refused with 403 SCOPE_MISSING, and nothing changed, where it is not enough."""
    views = _views()
    _, secret = issue_token(user=world.people["alice"], name=scope, scopes=[scope])
    client = world.program("nobody")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    sent, wrong, refused = bodies(world), [], 0
    with unchanged() as tables:
        for route in all_routes():
            view = views.get(route.name)
            if view is None or route.name in OF_OTHERS or not view.authentication_classes:
                continue
            for method in _allowed(route):
                if needed_scope(view, method) == scope:
                    continue
                body = sent.get((route.name, method))
                answer = send(client, method, world.path(route) + world.query(route), body, as_json=True)
                refused += 1
                if (answer.status_code, answer.json().get("code")) != (403, "SCOPE_MISSING"):
                    wrong.append(f"{method} {route.name}: {answer.status_code}")
    assert wrong == []
    assert tables == []
    assert refused > 60
