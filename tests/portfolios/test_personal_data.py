"""What the books hand out about a person, and what becomes of them when that person is forgotten."""

from __future__ import annotations

from decimal import Decimal

from accounts.services import erase_person, export_personal_data
from portfolios.models import LedgerLine, Portfolio, PortfolioState
from tests.fixtures_trading import Pit, failed_checks


def test_books_are_taken_along_with_every_line(pit: Pit) -> None:
    pit.buy("1.5")
    taken = export_personal_data(user=pit.alice)["portfolios"]
    [book] = taken["portfolios"]
    assert (book["id"], book["name"], book["net_deposits"]) == (pit.lead.pk, "Lead", Decimal(10_000))
    assert {row["asset_id"]: row["amount"] for row in taken["balances"]} == {
        "USDT": Decimal(9_850),
        "BTC": Decimal("1.5"),
    }
    [position] = taken["positions"]
    assert (position["instrument__symbol"], position["cost"]) == ("BTC-USDT", Decimal(150))
    assert len(taken["ledger"]) == LedgerLine.objects.count() == 6


def test_the_books_of_who_left_are_frozen_nameless_and_right(pit: Pit) -> None:
    pit.buy(1)
    other = pit.portfolio(pit.alice, 5, "Alice's savings")
    erase_person(user=pit.alice)
    books = {one.pk: (one.name, one.state) for one in Portfolio.objects.all()}
    assert books == {pk: (f"Portfolio {pk.hex}", PortfolioState.FROZEN) for pk in (pit.lead.pk, other.pk)}
    assert pit.held(pit.lead) == "1"
    assert failed_checks() == {}
