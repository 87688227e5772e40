"""A lead sells, a follower buys, pays, cancels and gets something back; every book agrees, and an edited fill is found."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_playwright.pytest_playwright import CreateContextCallback

from config import demo
from tests.fixtures_stripe import StripeSandbox
from tests.story.hands import Hand
from tests.story.people import CORNER, Person
from tests.story.processes import wait_until
from tests.story.sites import Site, sandbox_site

D = Decimal
TITLE, HOME = "Steady hand", "Play money"
BNB = "BNB-USDT · Sandbox Binance"
# The real thing takes a record of 90 days and a real account: here a week's settlement of real money is written down, and
# the record sealed and signed as in a later hour. The site's own workers do the rest.
A_WEEK_LATER = """
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from common.clock import wall_now
from marketplace.billing.services.sharing import invoice_shares
from marketplace.proofs.services.sealing import ROOT_EVERY, seal_fills, sign_root
from trading.copy_accounts.models import ProfitShareAccount, ProfitShareSettlement
now = wall_now()
monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
figures = ("unrealized_pnl", "fees", "high_before", "equity", "realized_pnl", "profit", "high_after")
ProfitShareSettlement.objects.create(
    account=ProfitShareAccount.objects.get(), number=1, cause="WEEK", key="a week", ratio=Decimal("0.1"),
    due=Decimal("12.345"), platform_fee=Decimal("1.2345"), is_hypothetical=False,
    settled_at=monday - timedelta(hours=5), recorded_at=monday - timedelta(hours=5), **dict.fromkeys(figures, Decimal(0)),
)
assert invoice_shares() == 1
seal_fills()
assert sign_root(now=now + ROOT_EVERY)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with sandbox_site(tmp_path) as (running, _):
        yield running


class Cast:
    """alice leads, bob follows, the operator looks after the money; and the payment processor."""

    def __init__(self, site: Site, new_context: CreateContextCallback, hand: Hand) -> None:
        self.site, self.hand = site, hand
        self.processor = StripeSandbox(site.environment["STRIPE_API_BASE"])
        emails = (demo.LEAD, demo.FOLLOWER, demo.OPERATOR)
        self.alice, self.bob, self.operator = (
            Person(new_context().new_page(), site, email, demo.PASSWORD) for email in emails
        )
        for one in self.everybody:
            one.log_in()

    @property
    def everybody(self) -> tuple[Person, ...]:
        return self.alice, self.bob, self.operator

    def finds(self, person: Person, path: str, *words: str) -> None:
        """Have somebody look at a page again until a row of a table, or a card, has all these words."""

        def has_come() -> bool:
            assert person.visit(path) == 200
            found = person.page.locator("main tr, main .card")
            for one in words:
                found = found.filter(has_text=one)
            return found.count() > 0

        wait_until(has_come, f"{words} at {path}", 30)

    def time_passes(self, days: int) -> None:
        """Let time pass at the processor, until it has told the site all that happened."""
        self.processor.advance(days=days)
        self.processor.drain()


@pytest.mark.timeout(240)
def test_a_listing_is_sold_paid_and_settled_to_the_cent_and_an_edited_fill_is_found(
    site: Site, new_context: CreateContextCallback, tmp_path: Path
) -> None:
    with Hand(site) as hand:
        play(Cast(site, new_context, hand), tmp_path)


def play(cast: Cast, folder: Path) -> None:
    listing = alice_sells(cast)
    bob_subscribes(cast, listing)
    the_trial_ends_with_a_charge(cast)
    followed = bob_follows(cast)
    a_week_is_settled(cast)
    bob_cancels(cast)
    the_operator_gives_a_part_back(cast)
    the_subscription_ends(cast, followed)
    all_books_agree(cast)
    the_record_holds_until_a_fill_is_edited(cast, listing, folder)
    assert [one.complaints for one in cast.everybody] == [[], [], []]


def alice_sells(cast: Cast) -> str:
    """Return the address of her listing: an account at the processor, one trade, a listing, a price."""
    alice = cast.alice
    alice.visit("/billing/business/")
    alice.page.get_by_role("link", name="Set it up").click()
    alice.page.get_by_role("button", name="Complete onboarding").click()
    expect(alice.page.get_by_text("Ready: buyers' money goes to your account")).to_be_visible()
    alice.visit("/portfolios/")
    alice.page.get_by_role("link", name=HOME).first.click()
    expect(alice.heading(HOME)).to_be_visible()
    alice.open_ticket(alice.path, BNB)
    alice.order_once_live("Buy", "1")
    alice.sees("fill", "Buy BNB", {"Quantity": "1", CORNER: "#1"})
    alice.publish(HOME, TITLE, "Trades BNB by hand.")
    listing = alice.path
    alice.page.get_by_role("link", name="Prices").click()
    alice.page.get_by_label("Price", exact=True).fill("10.01")
    alice.page.get_by_label("Days of trial").fill("7")
    alice.press("Set it")
    # The page finds out by itself.
    expect(alice.page.locator("#offers")).to_contain_text("On sale")
    return listing


def bob_subscribes(cast: Cast, listing: str) -> None:
    page = cast.bob.page
    cast.bob.visit(listing)
    expect(page.get_by_role("link", name="Follow…")).to_have_count(0)
    cast.bob.press("Subscribe: 10.01 USD a month, 7 days free first")
    pay = page.get_by_role("button", name="Pay")
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    pay.click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    pay.click()
    expect(page.get_by_text("Your subscription stands.")).to_be_visible()
    page.get_by_role("link", name="Your subscriptions").click()
    expect(page.locator("#subscriptions")).to_contain_text("ON TRIAL")


def the_trial_ends_with_a_charge(cast: Cast) -> None:
    cast.time_passes(days=8)
    cast.finds(cast.bob, "/billing/invoices/", TITLE, "10.01 USD", "paid")
    address = cast.bob.page.get_by_role("link", name="PDF").first.get_attribute("href")
    assert address is not None
    assert cast.bob.page.request.get(address).body().startswith(b"%PDF")


def bob_follows(cast: Cast) -> str:
    """Return the address of the portfolio into which her next trade is copied."""
    followed = cast.bob.follow(TITLE, amount="2000")
    cast.alice.visit("/portfolios/")
    cast.alice.page.get_by_role("link", name=HOME).first.click()
    expect(cast.alice.heading(HOME)).to_be_visible()
    cast.alice.open_ticket(cast.alice.path, BNB)
    cast.alice.order_once_live("Buy", "2")
    cast.bob.sees("fill", "Buy BNB", {CORNER: "#1"})
    return followed


def a_week_is_settled(cast: Cast) -> None:
    assert cast.hand.run(A_WEEK_LATER) == (0, "")
    cast.finds(cast.bob, "/billing/invoices/", "Profit share", "Alice", "12.34 USD", "paid")


def bob_cancels(cast: Cast) -> None:
    cast.bob.visit("/billing/subscriptions/")
    cast.bob.press("Cancel at the end of the period")
    expect(cast.bob.page.get_by_role("button", name="Keep it")).to_be_visible()
    expect(cast.bob.page.get_by_text("Ends", exact=True)).to_be_visible()


def the_operator_gives_a_part_back(cast: Cast) -> None:
    page = cast.operator.page
    cast.operator.visit("/")
    page.locator(".sidebar").get_by_role("link", name="Money").click()
    row = page.locator("tr").filter(has_text="10.01 USD")
    row.get_by_label("Amount to give back").fill("3.33")
    row.get_by_role("button", name="Give back").click()
    cast.finds(cast.bob, "/billing/invoices/", "10.01 USD", "3.33 USD given back")


def the_subscription_ends(cast: Cast, followed: str) -> None:
    cast.time_passes(days=31)
    cast.finds(cast.bob, "/billing/subscriptions/", TITLE, "ENDED")
    cast.bob.visit(followed)
    expect(cast.bob.page.get_by_role("button", name="Pause")).to_have_count(0)


def all_books_agree(cast: Cast) -> None:
    """The lead's: 8.01 of a charge of 10.01, 11.11 of a share of 12.34, less 2.67 of 3.33; what she was paid out aside."""
    answer = cast.alice.page.request.get(f"{cast.site.address}/billing/business/statement.csv")
    lines = [row for row in csv.DictReader(answer.text().splitlines()) if row["date"]]
    moved = [(row["kind"], D(row["amount"])) for row in lines if row["kind"] != "Payout"]
    assert moved == [("Charge", D("8.01")), ("Charge", D("11.11")), ("Refund", D("-2.67"))]
    client = cast.processor.client()
    (account,) = client.v1.accounts.list().data
    theirs = client.v1.balance_transactions.list(options={"stripe_account": account.id})
    assert sum(D(row["amount"]) for row in lines) == _sum(theirs.auto_paging_iter())
    platform = [one for one in client.v1.balance_transactions.list().auto_paging_iter() if one.type != "payout"]
    cast.operator.visit("/billing/platform/")
    expect(cast.operator.page.locator(".stats")).to_contain_text(f"{_sum(platform)} USD")
    code, said = cast.hand.manage("check_billing")
    assert (code, re.findall(r"^\w+", said, re.MULTILINE)) == (0, ["ok", "ok"]), said


def _sum(moved: Any) -> Decimal:
    return D(sum(one.net for one in moved)).scaleb(-2)


def the_record_holds_until_a_fill_is_edited(cast: Cast, listing: str, folder: Path) -> None:
    # The lead's own page: whoever does not subscribe any more gets the record of a day ago.
    page, name = cast.alice.page, listing.strip("/").rpartition("/")[2]

    def check() -> None:
        cast.alice.visit(listing)
        with page.expect_download() as loading:
            page.locator("#record").get_by_role("link", name="Download", exact=True).click()
        loading.value.save_as(file := folder / "record.ndjson")
        page.locator("#record").get_by_role("link", name="Verify a download").click()
        page.locator("[data-verify-file]").set_input_files(file)

    check()
    expect(page.get_by_text("The record holds")).to_be_visible()
    assert cast.hand.manage("verify_record", name)[0] == 0
    with closing(sqlite3.connect(folder / "slipstream.sqlite3", timeout=30)) as database, database:
        edited = database.execute(
            "UPDATE trading_fill SET price = '1' WHERE number = 1 AND portfolio_id ="
            " (SELECT portfolio_id FROM marketplace_listing)"
        )
        assert edited.rowcount == 1
    check()
    expect(page.locator("[data-verify-fault]")).to_have_text("Fill 1 is not what was sealed.")
    done = cast.site.manage("verify_record", name)
    # As an operator types it: with a process of its own, and the status in which that ends.
    assert (done.returncode, "Fill 1 is not what was sealed" in done.stdout) == (1, True), done.stdout
