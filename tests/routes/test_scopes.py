"""Every route of the API says what it takes of a token, in one place; a token that lacks it is refused and nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from accounts.models import ApiToken
from accounts.programs.doors import ApiView
from accounts.programs.scopes import ALL_SCOPES, Scope, needed_scope
from accounts.services import issue_token
from common.clock import wall_now
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


def _refused(world: World, secret: str, asked: Callable[[type[Any], str], bool]) -> tuple[list[str], list[str]]:
    """Ask every route and method that is meant; return what was answered, route by route, and the tables that changed."""
    views, client, sent, found = _views(), world.program("nobody"), bodies(world), []
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    with unchanged() as tables:
        for route in all_routes():
            view = views.get(route.name)
            if view is None or route.name in OF_OTHERS or not view.authentication_classes:
                continue
            for method in _allowed(route):
                if not asked(view, method):
                    continue
                body = sent.get((route.name, method))
                answer = send(client, method, world.path(route) + world.query(route), body, as_json=True)
                is_problem = answer.get("Content-Type") == "application/problem+json"
                code = answer.json()["code"] if is_problem else "-"
                found.append(f"{answer.status_code} {code} {method} {route.name}")
    return found, tables


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_token_does_what_its_scope_says_and_nothing_else(world: World, scope: str) -> None:
    """All routes with a token of one scope: refused with 403 SCOPE_MISSING, and nothing changed, where it is not enough."""
    _, secret = issue_token(user=world.people["alice"], name=scope, scopes=[scope])
    answers, tables = _refused(world, secret, lambda view, method: needed_scope(view, method) != scope)
    assert [one for one in answers if not one.startswith("403 SCOPE_MISSING ")] == []
    assert tables == []
    assert len(answers) > 60


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ({"expires_at": timedelta(seconds=-1)}, "401 BAD_TOKEN "),
        ({"networks": ["192.0.2.7/32"]}, "403 TOKEN_ADDRESS_REFUSED "),
    ],
)
def test_a_token_that_is_over_or_elsewhere_opens_no_route(world: World, limit: dict[str, Any], refusal: str) -> None:
    """All routes with a token of every scope, which has expired or is used from another address."""
    token, secret = issue_token(user=world.people["alice"], name="late", scopes=ALL_SCOPES)
    kept = {name: wall_now() + one if isinstance(one, timedelta) else one for name, one in limit.items()}
    ApiToken.objects.filter(pk=token.pk).update(**kept)
    answers, tables = _refused(world, secret, lambda _view, _method: True)
    assert [one for one in answers if not one.startswith(refusal)] == []
    assert tables == []
    assert len(answers) > 130
