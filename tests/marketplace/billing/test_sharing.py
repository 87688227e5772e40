"""Profit shares as invoices: real money only, once, to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts.models import User
from common.clock import wall_now
from common.ids import new_id
from marketplace.billing.checks import differences_from_processor
from marketplace.billing.models import Account, Invoice, MoneyLine, ShareInvoice, ShareLine
from marketplace.billing.services.sharing import invoice_shares, return_share
from tests.fixtures_vending import Shop
from trading.copy_accounts.models import ProfitShareAccount, ProfitShareSettlement
from trading.copy_accounts.services.settling import open_account


def settle(account: ProfitShareAccount, number: int, due: str, at: datetime, **facts: bool) -> ProfitShareSettlement:
    zero = Decimal(0)
    amounts = dict.fromkeys(("unrealized_pnl", "fees", "high_before", "equity"), zero) | dict.fromkeys(
        ("realized_pnl", "profit", "high_after"), Decimal(due) * 10
    )
    return ProfitShareSettlement.objects.create(
        account=account,
        number=number,
        cause="WEEK",
        key=new_id().hex,
        ratio=Decimal("0.1"),
        due=Decimal(due),
        platform_fee=Decimal(due) / 10,
        is_hypothetical=facts.get("is_hypothetical", False),
        settled_at=at,
        recorded_at=at,
        **amounts,
    )


def week_ended() -> datetime:
    """Return a moment of the last week, so that its settlements are to be invoiced now."""
    now = wall_now()
    monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
    return monday - timedelta(hours=5)


def test_rule_35_real_shares_are_invoiced_weekly_once_each_with_a_tenth_for_the_platform(shop: Shop, bob: User) -> None:
    shop.subscribe(bob, shop.price())
    account = open_account(follow=shop.pit.follow(bob))
    at = week_ended()
    first = settle(account, 1, "12.345", at)
    settle(account, 2, "0.006", at + timedelta(minutes=1))
    settle(account, 3, "99", at + timedelta(minutes=2), is_hypothetical=True)
    with shop.working():
        assert [invoice_shares(), invoice_shares()] == [1, 0]
    share = ShareInvoice.objects.get()
    # 12.34, and what rounding left of it comes with the next: 12.351 are 12.35.
    lines = list(ShareLine.objects.order_by("pk").values_list("amount_minor", flat=True))
    assert (lines, share.amount_minor, share.platform_fee_minor, share.state) == ([1234, 1], 1235, 123, "DONE")
    invoice = Invoice.objects.get(kind="PROFIT_SHARE")
    assert (invoice.total_minor, share.invoice) == (1235, invoice)
    assert invoice.status == "paid"
    booked = dict(MoneyLine.objects.filter(invoice=invoice).values_list("account", "amount_minor"))
    assert booked == {Account.BUYER: -1235, Account.SELLER: 1112, Account.PLATFORM: 57, Account.PROCESSOR: 66}
    assert differences_from_processor() == []
    operator = User.objects.create_user("olive@example.org", is_staff=True)
    return_share(operator=operator, settlement=first, amount_minor=234, reason="Counted twice")
    # One of the same week that was written late waits for the next invoice: there is one a week.
    settle(account, 4, "1", at + timedelta(minutes=3))
    assert invoice_shares() == 0
    shop.advance(7)
    settle(account, 5, "9", week_ended())
    with shop.working():
        assert invoice_shares() == 1
    assert Invoice.objects.filter(kind="PROFIT_SHARE", total_minor=766).count() == 1
