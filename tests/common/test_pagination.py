"""Pages of the API's lists: newest first, without gaps, and proof against a hand-made cursor."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import AuditEntry, Notification, User
from common.errors import DomainError
from common.pagination import NewestFirst, _mark_of


def _pages(queryset: QuerySet[Model], **query: str) -> list[list[object]]:
    """Return the keys of every page, following `next` to the end."""
    pages: list[list[object]] = []
    while True:
        pager = NewestFirst()
        rows = pager.paginate_queryset(queryset, Request(APIRequestFactory().get("/", query)))
        assert rows is not None
        pages.append([row.pk for row in rows])
        following = pager.get_next_link()
        if following is None:
            return pages
        query = {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}


def test_uuid_keys_are_paged_newest_first_without_gaps(alice: User) -> None:
    made = [Notification.objects.create(user=alice, event="test").pk for _ in range(5)]
    newest = made[::-1]
    assert _pages(Notification.objects.all(), page_size="2") == [newest[:2], newest[2:4], newest[4:]]


def test_number_keys_are_paged_newest_first_without_gaps(alice: User) -> None:
    made = [AuditEntry.objects.create(action="test", object_kind="a", object_id=str(n)).pk for n in range(3)]
    assert _pages(AuditEntry.objects.filter(action="test"), page_size="2") == [made[:0:-1], made[:1]]


def test_a_row_made_meanwhile_shifts_no_page(alice: User) -> None:
    made = [Notification.objects.create(user=alice, event="test").pk for _ in range(4)]
    pager = NewestFirst()
    pager.paginate_queryset(Notification.objects.all(), Request(APIRequestFactory().get("/", {"page_size": "2"})))
    following = pager.get_next_link()
    assert following is not None
    Notification.objects.create(user=alice, event="newer")
    query = {name: values[0] for name, values in parse_qs(urlsplit(following).query).items()}
    assert _pages(Notification.objects.all(), **query) == [[made[1], made[0]]]


def test_a_page_holds_at_most_200() -> None:
    assert NewestFirst().get_page_size(Request(APIRequestFactory().get("/", {"page_size": "10000"}))) == 200


@pytest.mark.parametrize("size", ["", "0", "-1", "2.5", "ten", "1,2", "true"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewestFirst().get_page_size(Request(APIRequestFactory().get("/", {"page_size": size})))
    assert list(cast(dict[str, Any], refused.value.detail)) == ["page_size"]


@pytest.mark.parametrize(
    ("model", "position"),
    [(Notification, "nonsense"), (Notification, "7"), (AuditEntry, "nonsense"), (AuditEntry, "%00")],
)
def test_a_cursor_made_by_hand_is_refused(db: None, model: type[Model], position: str) -> None:
    text = b64encode(f"p={position}".encode()).decode()
    marked = f"{_mark_of(Request(APIRequestFactory().get('/')))}.{text}"
    for cursor in (text, marked, "", "."):
        with pytest.raises(DomainError) as refusal:
            NewestFirst().paginate_queryset(
                model._default_manager.all(), Request(APIRequestFactory().get("/", {"cursor": cursor}))
            )
        assert refusal.value.code == "CURSOR_INVALID"


def test_a_cursor_belongs_to_its_list_and_its_filters(alice: User) -> None:
    for _ in range(3):
        Notification.objects.create(user=alice, event="test")
    pager = NewestFirst()
    pager.paginate_queryset(Notification.objects.all(), Request(APIRequestFactory().get("/", {"page_size": "1"})))
    cursor = parse_qs(urlsplit(pager.get_next_link() or "").query)["cursor"][0]
    for path, query in (("/other/", {}), ("/", {"unread": "1"})):
        with pytest.raises(DomainError) as refusal:
            asked = APIRequestFactory().get(path, {"cursor": cursor, **query})
            NewestFirst().paginate_queryset(Notification.objects.all(), Request(asked))
        assert refusal.value.code == "CURSOR_INVALID"
    again = Request(APIRequestFactory().get("/", {"cursor": cursor, "page_size": "2", "fields": "id"}))
    assert len(NewestFirst().paginate_queryset(Notification.objects.all(), again) or []) == 2
