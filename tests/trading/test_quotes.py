"""What an order would come to: the same price, fee and limits as when it is placed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from common.errors import DomainError
from engine.decimals import ZERO
from tests.fixtures_trading import Pit
from trading.models import Side
from trading.quotes import quote_order
from trading.services.orders import place_hand_order


def _costly(pit: Pit) -> None:
    """Let orders cost 10 bps and slip by 5."""
    pit.instrument.taker_fee_bps = Decimal(10)
    pit.instrument.save()
    pit.lead.slippage_bps = Decimal(5)
    pit.lead.save(update_fields=["slippage_bps"])


def test_a_purchase_is_estimated_as_it_is_filled(pit: Pit) -> None:
    _costly(pit)
    quote = quote_order(pit.lead, pit.instrument, Side.BUY, Decimal(2))
    assert quote is not None
    assert (quote.price, quote.fee, quote.total) == (Decimal("100.05"), Decimal("0.2001"), Decimal("200.3001"))
    assert quote.slippage == Decimal("0.10")
    order = pit.buy(2)
    assert (order.average_price, order.fee) == (quote.price, quote.fee)
    assert pit.cash(pit.lead) == "9799.6999"


def test_a_sale_is_estimated_as_it_is_filled(pit: Pit) -> None:
    pit.buy(2)
    _costly(pit)
    quote = quote_order(pit.lead, pit.instrument, Side.SELL, Decimal(2))
    assert quote is not None
    assert (quote.price, quote.fee, quote.total) == (Decimal("99.95"), Decimal("0.1999"), Decimal("199.7001"))
    order = pit.sell(2)
    assert (order.average_price, order.fee) == (quote.price, quote.fee)
    assert pit.cash(pit.lead) == "9999.7001"


def test_the_most_that_is_offered_is_the_most_that_passes(pit: Pit) -> None:
    _costly(pit)
    quote = quote_order(pit.lead, pit.instrument, Side.BUY)
    assert quote is not None
    assert (quote.quantity, quote.total, quote.is_beyond) == (ZERO, ZERO, False)
    more = quote.most + pit.instrument.lot_step
    beyond = quote_order(pit.lead, pit.instrument, Side.BUY, more)
    assert beyond is not None
    assert beyond.is_beyond
    with pytest.raises(DomainError) as refused:
        place_hand_order(actor=pit.alice, portfolio=pit.lead, instrument=pit.instrument, side=Side.BUY, quantity=more)
    assert refused.value.code == "INSUFFICIENT_BALANCE"
    assert pit.buy(str(quote.most)).filled_quantity == quote.most == Decimal("99.85")


def test_what_is_not_held_cannot_be_sold(pit: Pit) -> None:
    quote = quote_order(pit.lead, pit.instrument, Side.SELL, Decimal(1))
    assert quote is not None
    assert (quote.most, quote.is_beyond) == (ZERO, True)


def test_without_a_price_there_is_no_estimate(pit: Pit) -> None:
    assert quote_order(pit.lead, pit.desk.instrument("ETH"), Side.BUY, Decimal(1)) is None
