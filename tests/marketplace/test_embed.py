"""The card of a listing on other sites: framed by anybody, cached, the same for all; every other page stays unframed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import Listing
from marketplace.proofs.services.sealing import seal_fills
from marketplace.services.listings import publish_listing, withdraw_listing
from tests.fixtures_desk import Desk
from tests.fixtures_trading import Pit
from tests.fixtures_verified import Sealed


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady <b>& calm</b>")


def test_it_may_be_framed_and_kept_and_asks_for_no_cookie(listing: Listing, client: Client, alice: User) -> None:
    path = reverse("marketplace:embed", args=[listing.pk])
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors *" in policy and "script-src 'none'" in policy
    assert "X-Frame-Options" not in answer
    assert (answer["Cache-Control"], answer.get("Vary")) == ("public, max-age=60", None)
    assert not answer.cookies
    page = answer.content.decode()
    assert "Steady &lt;b&gt;&amp; calm&lt;/b&gt;" in page and ">PAPER<" in page and "<script" not in page
    again = client.get(path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    client.force_login(alice)
    assert client.get(path).content == answer.content
    assert 'data-theme="dark"' in client.get(f"{path}?theme=dark").content.decode()
    assert "data-theme" not in client.get(f"{path}?theme='><script>").content.decode()


def test_it_says_how_far_the_record_is_sealed(sealed: Sealed, client: Client, pit: Pit) -> None:
    path = reverse("marketplace:embed", args=[sealed.listing.pk])
    before = client.get(path)
    assert b"Sealed up to fill 5, signed</a>" in before.content
    pit.buy(1)
    seal_fills()
    # What a cache holds is another page now.
    after = client.get(path, headers={"If-None-Match": before["ETag"]})
    assert (after.status_code, b"Sealed up to fill 6</a>" in after.content) == (200, True)


def test_what_is_withdrawn_is_shown_to_nobody_not_even_its_owner(listing: Listing, client: Client, alice: User) -> None:
    withdraw_listing(actor=alice, listing=listing)
    client.force_login(alice)
    assert client.get(reverse("marketplace:embed", args=[listing.pk])).status_code == 404


def test_the_page_of_a_listing_offers_the_code_and_stays_unframed(listing: Listing, client: Client) -> None:
    answer = client.get(reverse("marketplace:detail", args=[listing.pk]))
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"] and answer["X-Frame-Options"] == "DENY"
    embed = f"/marketplace/{listing.pk}/embed/?theme=light"
    assert f"&lt;iframe src=&#x27;http://127.0.0.1:8000{embed}&#x27;" in answer.content.decode()
