"""What strangers write comes out harmless on every page and in every answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from marketplace.publishing.words import html_of
from marketplace.services.listings import publish_listing
from tests.fixtures_desk import Desk

SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Big\n**bold** ~~no~~", "<h3>Big</h3>\n<p><strong>bold</strong> <s>no</s></p>\n"),
        (SCRIPT, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
        ("![seen](https://spy.example/p.png)", None),
        ("[x](javascript:alert(1))", None),
        ("[x](data:text/html;base64,PHNjcmlwdD4=)", None),
        ('[x](https://a.example "o\\" onclick=alert(1)")', None),
        (
            "[x](https://a.example)",
            '<p><a href="https://a.example" rel="nofollow noopener noreferrer ugc">x</a></p>\n',
        ),
    ],
)
def test_markdown_is_made_harmless(text: str, html: str | None) -> None:
    shown = html_of(text)
    if html is not None:
        assert html in shown
    for bad in ("<script", "<img", "onerror=alert(1)>\n<", 'href="javascript', 'href="data', "onclick="):
        assert bad not in shown


def test_script_in_every_text_field_is_text_on_page_and_in_the_api(alice: User, desk: Desk) -> None:
    bad = f'"><img src=x onerror=alert(1)>{SCRIPT}'
    texts: dict[str, Any] = {
        name: f"{name} {bad}" for name in ("title", "summary", "description", "risks", "conflicts")
    }
    listing = publish_listing(owner=alice, portfolio=desk.portfolio(alice), changes=f"changes {bad}", **texts)
    pages = [reverse("marketplace:detail", args=[listing.pk]), reverse("marketplace:list")]
    client = Client()
    client.force_login(alice)
    for address in (*pages, reverse("marketplace:edit", args=[listing.pk])):
        page = client.get(address).content.decode()
        assert "title &quot;&gt;&lt;img" in page
        assert "<img src=x" not in page
        assert SCRIPT not in page
    shown = client.get(pages[0]).content.decode()
    told = [name for name in (*texts, "changes") if name != "description"]
    assert [name for name in told if f"{name} &quot;&gt;&lt;img" not in shown] == []
    assert 'description "&gt;&lt;img' in shown
    program = APIClient()
    program.force_authenticate(alice)
    answer = program.get(f"/api/v1/listings/{listing.pk}/page/")
    assert answer.headers["Content-Type"] == "application/json"
    assert SCRIPT not in answer.json()["description_html"]
    assert json.loads(answer.content)["versions"][0]["content"]["title"] == texts["title"]
