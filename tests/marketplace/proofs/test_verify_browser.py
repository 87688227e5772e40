"""A record checked in a real browser: one that was left alone holds, one altered digit fails and is named."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from marketplace.proofs.downloads import record_pieces
from marketplace.proofs.selectors import public_keys
from tests.fixtures_verified import Sealed


@pytest.fixture
def record(transactional_db: None, fresh_counts: None, sealed: Sealed) -> bytes:
    return b"".join(record_pieces(sealed.listing))


def test_a_browser_tells_a_good_record_from_an_altered_one(record: bytes, live_server: LiveServer, page: Page) -> None:
    """The browser is offline while it checks: no word of the server's is asked for."""
    (key,) = (one.hex() for one in public_keys().values())
    page.goto(f"{live_server.url}/marketplace/verify/")
    good, fault = page.get_by_text("The record holds"), page.locator("[data-verify-fault]")

    def choose(data: bytes) -> None:
        page.locator("[data-verify-file]").set_input_files({"name": "r.ndjson", "mimeType": "", "buffer": data})

    choose(record)
    expect(good).to_be_visible()
    page.context.set_offline(True)
    for pattern, other, message in (
        (rb'"price":"103"', b'"price":"104"', "Fill 3 is not what was sealed."),
        (rb'(?m)^\{"account".*"number":2,.*\n', b"", "Fill 2 is not what was sealed. Fill 3 stands in its place."),
        (
            rb'"last":5,"link":"..',
            b'"last":5,"link":"zz',
            "The seal of fill 4 and later is not what its fills lead to.",
        ),
        (rb'"place":0,"root":2', b'"place":1,"root":2', "The seal of fill 4 and later is not in root 2."),
        (rb'"signature":"..', b'"signature":"00', "The signature of root 1 is not valid."),
        (rb'(?m)^\{"account".*"number":5,.*\n', b"", "The seal of fill 4 and later ends early: fill 5 is missing."),
        (rb"(?s)^.*$", b"hello", "This is no record: choose a file that was downloaded here."),
    ):
        altered = re.sub(pattern, other, record, count=1)
        assert altered != record
        choose(altered)
        expect(fault).to_have_text(message)
        expect(good).to_be_hidden()
    choose(record)
    expect(good).to_be_visible()
    trusted = page.get_by_label("Public key that you trust")
    trusted.fill("ab" * 32)
    trusted.blur()
    expect(fault).to_contain_text("signed by another key than the one you trust")
    trusted.fill(key)
    trusted.blur()
    expect(page.get_by_text("Key that you gave")).to_be_visible()
