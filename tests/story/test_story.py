"""The product's main job, as two people live it: from signing up to a copied fill in an open page."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.story.people import CORNER, PASSWORD, Person
from tests.story.sites import Site, embedded_site, services_site

WAYS = {"embedded": embedded_site, "services": services_site}
NewContext = Callable[..., BrowserContext]

XRP = "XRP-USDT · Simulated exchange"
NO_ENTRY = "Trading is halted: only exits pass until it resumes."
# A second lies between the two fills, and the market need not stand still meanwhile.
COPIED_IN_FULL = re.compile(r"In proportion|At a price [\d.]+% (?:better|worse)\.")
SKIPPED = "Skipped: the follow is paused, and a pause opens nothing."

# A page's next try to reconnect, and the sweeper's next look for work that nobody has finished.
RECOVERED_MS = 30_000


@pytest.fixture(params=["embedded", pytest.param("services", marks=pytest.mark.services)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "embedded":
        request.getfixturevalue("first_start").copy(tmp_path)
    with WAYS[request.param](tmp_path) as running:
        yield running


@dataclass(frozen=True)
class Cast:
    """alice leads, bob follows, charlie is a stranger; each in a browser context of their own."""

    alice: Person
    bob: Person
    charlie: Person
    operator: Person

    @property
    def everybody(self) -> list[Person]:
        return [self.alice, self.bob, self.charlie, self.operator]


@pytest.fixture
def cast(site: Site, new_context: NewContext) -> Cast:
    def enters(email: str, password: str = PASSWORD) -> Person:
        return Person(new_context().new_page(), site, email, password)

    alice, bob, charlie = (enters(f"{name}@example.org") for name in ("alice", "bob", "charlie"))
    return Cast(alice, bob, charlie, enters(*site.operator))


# Alone each way takes half a minute; beside other work on two cores it may take a few.
@pytest.mark.timeout(600)
def test_from_sign_up_to_a_copied_fill_in_the_open_page(site: Site, cast: Cast) -> None:
    alice, bob = cast.alice, cast.bob
    home = alice_publishes(alice)
    followed = bob_follows(bob)
    alice.visit(home)
    a_fill_reaches_the_open_page(alice, bob)
    what_happened_while_the_site_was_away_is_shown_when_it_is_back(site, alice, bob)
    a_paused_follow_skips_entries_and_mirrors_exits(alice, bob)
    a_halt_stops_entries_and_lets_exits_pass(alice, bob, cast.operator)
    a_stranger_learns_nothing(cast.charlie, followed)
    everybody_leaves(alice, bob, followed)
    assert [one.complaints for one in cast.everybody] == [[], [], [], []]
    the_books_agree(site)
    the_processes_end_cleanly(site)


def alice_publishes(alice: Person) -> str:
    """Return the address of the portfolio that she leads."""
    alice.sign_up()
    home = alice.open_portfolio("Main", "10000")
    alice.start_strategy("Trend", "BTC-USDT · Simulated exchange", "Main")
    alice.publish("Main", "Steady hand", "Follows the trend in BTC; trades XRP by hand.")
    return home


def bob_follows(bob: Person) -> str:
    """Return the address of the portfolio that was made for his follow; he stays on its page."""
    bob.sign_up()
    bob.open_portfolio("Savings", "5000")
    followed = bob.follow("Steady hand", amount="2000", multiplier="1")
    bob.mark_page()
    return followed


def a_fill_reaches_the_open_page(alice: Person, bob: Person) -> None:
    """Bob has a fifth of what alice has, so he gets a fifth of what she buys."""
    alice.page.get_by_label("Market", exact=True).select_option(XRP)
    alice.order("Buy", "400")
    bob.sees("order", "Buy XRP", {"Asked": "80", "Filled": "80", "By": "Copied", CORNER: "Filled"})
    bob.sees("fill", "Buy XRP", {"Quantity": "80", CORNER: "#1"})
    bob.sees("copy", "XRP: bought 400", {"You": "bought 80", "Why they differ": COPIED_IN_FULL})
    assert bob.page_is_untouched()


def what_happened_while_the_site_was_away_is_shown_when_it_is_back(site: Site, alice: Person, bob: Person) -> None:
    def trade() -> None:
        alice.order("Sell", "100")
        expect(alice.page.get_by_text("Sell 100 XRP: sent.")).to_be_visible()

    bob.sees_live("live")
    site.interrupt(trade)
    bob.sees("order", "Sell XRP", {"Asked": "20", "Filled": "20", CORNER: "Filled"}, within_ms=RECOVERED_MS)
    bob.sees("fill", "Sell XRP", {"Quantity": "20", CORNER: "#2"})
    bob.sees_live("live")
    assert bob.page_is_untouched()


def a_paused_follow_skips_entries_and_mirrors_exits(alice: Person, bob: Person) -> None:
    bob.press("Pause")
    expect(bob.page.get_by_role("link", name="Resume…")).to_be_visible()
    bob.mark_page()
    alice.order("Buy", "100")
    bob.sees("order", SKIPPED, {"Filled": "0", CORNER: "Denied"})
    bob.sees("copy", "XRP: bought 100", {"You": "Denied", "Why they differ": SKIPPED})
    # Half of what she holds, so half of what he holds.
    alice.order("Sell", "200")
    bob.sees("fill", "Sell XRP", {"Quantity": "30", CORNER: "#3"})
    assert bob.page_is_untouched()


def a_halt_stops_entries_and_lets_exits_pass(alice: Person, bob: Person, operator: Person) -> None:
    operator.log_in(to="/admin/")
    operator.halt_trading("The venue's prices look wrong.")
    alice.sees("fill", "Sell XRP", {"Quantity": "200", CORNER: "#4"})
    alice.order("Buy", "50")
    # Above the button, and as long as it holds beside the estimate.
    expect(alice.page.locator("#ticket").get_by_text(NO_ENTRY).first).to_be_visible()
    alice.sees("order", "Sell XRP", {"Asked": "200"})
    alice.order("Sell", "200")
    alice.sees("fill", "Sell XRP", {"Quantity": "200", CORNER: "#5"})
    bob.sees("fill", "Sell XRP", {"Quantity": "30", CORNER: "#4"})
    expect(bob.page.get_by_text("Nothing is held")).to_be_visible()
    assert bob.page_is_untouched()


def a_stranger_learns_nothing(charlie: Person, followed: str) -> None:
    charlie.sign_up()
    assert charlie.visit(followed) == 404
    expect(charlie.page.get_by_text("Steady hand")).to_have_count(0)


def everybody_leaves(alice: Person, bob: Person, followed: str) -> None:
    for person in (alice, bob):
        person.log_out()
        assert person.visit(followed) == 200
        assert person.path == f"/accounts/login/?next={followed}"


def the_books_agree(site: Site) -> None:
    verdicts = site.prove_books()
    assert {
        "ledger_sums_zero",
        "positions_equal_fills",
        "promises_equal_holds",
        "no_orphan_order",
        "no_duplicate_copy",
    } <= set(verdicts)
    assert set(verdicts.values()) == {"ok"}


def the_processes_end_cleanly(site: Site) -> None:
    ended = site.stop(*site.commands)
    # Uvicorn alone ends, after its shutdown, by the very signal that it was sent.
    assert {name: one.code for name, one in ended.items()} == {
        name: -signal.SIGTERM if name == "sockets" else 0 for name in site.commands
    }
    for one in ended.values():
        assert "Traceback" not in one.output, one.output
