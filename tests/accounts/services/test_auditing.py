"""The audit: who, what, when, from where."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from accounts.models import AuditEntry, User
from accounts.requests import OriginMiddleware, client_address, current_origin
from accounts.services import audit
from common.http import RequestIdMiddleware
from common.ids import new_id
from tests.accounts.conftest import NOON, Wall


def test_an_act_of_the_platform_has_no_actor(alice: User, wall: Wall) -> None:
    entry = audit(action="test.done", obj=alice)
    entry.refresh_from_db()
    assert (entry.at, entry.actor, entry.action) == (NOON, None, "test.done")
    assert (entry.object_kind, entry.object_id) == ("accounts.user", str(alice.pk))
    assert (entry.before, entry.after, entry.address, entry.request_id) == (None, None, None, "")


def test_an_act_in_a_request_names_person_address_and_request(alice: User, bob: User) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        audit(action="test.done", obj=bob)
        return HttpResponse()

    request = RequestFactory().get("/", headers={"X-Request-ID": "trace-0123456789"}, REMOTE_ADDR="203.0.113.7")
    request.user = alice
    RequestIdMiddleware(OriginMiddleware(view))(request)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.address, entry.request_id) == (alice, "203.0.113.7", "trace-0123456789")
    assert current_origin() is None


def test_amounts_and_ids_are_kept_exactly(alice: User) -> None:
    key = new_id()
    entry = audit(action="test.done", obj=alice, before={"amount": Decimal("0.1")}, after={"id": key})
    entry.refresh_from_db()
    assert (entry.before, entry.after) == ({"amount": "0.1"}, {"id": str(key)})


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.2"})
    assert client_address(request) == "127.0.0.1"
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        assert client_address(request) == "198.51.100.2"


def test_behind_a_unix_socket_the_address_is_unknown() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
