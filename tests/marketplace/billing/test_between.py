"""What moves between a lead and the platform over several transfers, in part, or both ways at once: each cent once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from common.clock import wall_now
from marketplace.billing import gateway
from marketplace.billing.models import Finding, FindingKind, Invoice
from marketplace.billing.platform_business import platform_business
from marketplace.billing.services import taxing
from marketplace.billing.services.reconciling import reconcile
from marketplace.billing.services.sweeping import sweep
from marketplace.billing.services.syncing import sync_invoice, sync_refund
from marketplace.billing.tax_models import TakenBack
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop
from tests.marketplace.billing.test_returning import BOTH, lead_has, refund_there, rows, sell_another, settled, state
from tests.marketplace.billing.test_taxing import agree, buy, contested, operator, sums

__all__ = ["operator"]


@pytest.fixture(autouse=True)
def balance(processor: StripeSandbox) -> None:
    """The platform leaves its money at the processor, from where leads are paid back."""
    processor.control("POST", "options", platform_payouts="manual")


@pytest.fixture
def paid(shop: Shop, bob: User) -> Invoice:
    """10.00 without taxes, of which the lead has 8.00."""
    return buy(shop, bob)


def failed_refund(shop: Shop, paid: Invoice, amount: int) -> None:
    """Refund a part by proportion, which fails after it had succeeded; all of it heard."""
    name = refund_there(shop, paid, amount, **BOTH)
    shop.hear()
    shop.processor.fail_refund(name)
    shop.hear()


def refuse(processor: StripeSandbox, path: str) -> None:
    processor.fault("server_error", where=f"POST /v1/transfers{path}", status=400)


def night(shop: Shop) -> None:
    with shop.working():
        reconcile()
        sweep()


def owed() -> tuple[list[str], list[str]]:
    found = platform_business("TEST")  # type: ignore[arg-type]  # the mode's word
    return [one.words for one in found.owed_by_leads], [one.words for one in found.owed_to_leads]


@pytest.fixture
def partly(shop: Shop, paid: Invoice, charlie: User, processor: StripeSandbox) -> TakenBack:
    """8.00 to take of which 5.00 came from the first transfer, and the second refused the rest."""
    sell_another(shop, charlie)
    failed_refund(shop, paid, 500)
    assert rows() == [("RETURN", 400, "DONE")]
    back = TakenBack.objects.get()
    refuse(processor, f"/{back.processor_id}/reversals")
    refund_there(shop, paid, 1000)
    shop.hear()
    row = TakenBack.objects.get(cause="REFUND")
    assert (row.amount_minor, row.state, sums(paid)["SELLER"], lead_has(processor)) == (800, "FAILED", 300, 300)
    return row


def newest_refund(shop: Shop, paid: Invoice) -> str:
    found = shop.processor.client().v1.refunds.list({"payment_intent": paid.payment_id, "limit": 1})
    return found.data[0].id


def test_of_what_moved_in_part_only_the_rest_is_owed(
    shop: Shop, paid: Invoice, operator: User, processor: StripeSandbox, partly: TakenBack
) -> None:
    assert (partly.moved_minor, partly.left_minor, owed()) == (500, 300, (["3.00 USD"], []))
    browser = Client()
    browser.force_login(operator)
    (told,) = browser.get("/api/v1/billing/takings/").json()["results"]
    assert (told["amount_minor"], told["moved_minor"]) == (800, 500)
    page = " ".join(browser.get("/billing/platform/").content.decode().split())
    assert "of 8.00 USD, the rest has moved" in page
    assert Finding.objects.get(kind=FindingKind.TRANSFER_REFUSED).details["amount_minor"] == 300
    # There by night, it is taken, and found no more.
    processor.no_faults()
    night(shop)
    partly.refresh_from_db()
    assert (partly.state, partly.moved_minor, state(paid), lead_has(processor)) == ("DONE", 800, (0, 0, 0), 0)
    assert not Finding.objects.filter(kind=FindingKind.TRANSFER_REFUSED, settled_at=None).exists()
    agree()


def test_what_moved_in_part_for_a_refund_that_failed_is_paid_back(
    shop: Shop, paid: Invoice, processor: StripeSandbox, partly: TakenBack
) -> None:
    processor.no_faults()
    processor.fail_refund(newest_refund(shop, paid))
    shop.hear()
    assert rows() == [("RETURN", 400, "DONE"), ("REFUND", 500, "DONE"), ("RETURN", 500, "DONE")]
    assert (state(paid), lead_has(processor), owed()) == ((800, 0, -1000), 800, ([], []))
    assert not Finding.objects.filter(kind=FindingKind.TRANSFER_REFUSED, settled_at=None).exists()
    settled(shop)


def test_what_was_taken_of_any_transfer_is_counted_before_more_is(
    partly: TakenBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transfer to the lead that came late stands before one which gave its part already."""
    back = TakenBack.objects.get(cause="RETURN")
    earlier = back.created_at - timedelta(days=1)
    late = TakenBack(invoice=back.invoice, cause="RETURN", about="re_late", amount_minor=400, state="DONE")
    late.processor_id, late.created_at, late.due_at = "tr_late", earlier, earlier
    late.save()
    given = {partly.invoice.tax_split.transfer_id: 500, back.processor_id: 300}

    def made(mode: str, transfer: str, *, row: object) -> gateway.Answer | None:
        return {"id": transfer, "amount": given[transfer]} if transfer in given else None

    def taken(mode: str, transfer: str, *, amount: int, **facts: Any) -> gateway.Answer:
        return {"id": transfer, "amount": amount}

    monkeypatch.setattr(gateway, "made_taking", made)
    monkeypatch.setattr(gateway, "left_of_transfer", lambda mode, transfer: 400)
    monkeypatch.setattr(gateway, "take_of_transfer", taken)
    assert sorted(one["amount"] for one in taxing._reversals(partly, "key")) == [300, 500]


def test_a_key_names_the_transfer_and_no_place(
    shop: Shop, paid: Invoice, partly: TakenBack, monkeypatch: pytest.MonkeyPatch, processor: StripeSandbox
) -> None:
    keys: list[tuple[str, str]] = []
    asked = gateway.take_of_transfer

    def hear(mode: str, transfer: str, *, key: str, **facts: Any) -> gateway.Answer:
        keys.append((transfer, key))
        return asked(mode, transfer, key=key, **facts)

    monkeypatch.setattr(gateway, "take_of_transfer", hear)
    processor.no_faults()
    night(shop)
    (back,) = TakenBack.objects.filter(cause="RETURN").values_list("processor_id", flat=True)
    assert keys == [(back, f"{partly.pk}-1-of-{back}")]


# --- both ways ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_closed", [False, True])
def test_what_a_lead_was_not_paid_back_is_set_off_against_what_it_is_to_give(
    shop: Shop, paid: Invoice, operator: User, processor: StripeSandbox, is_closed: bool
) -> None:
    refuse(processor, "")
    failed_refund(shop, paid, 500)
    assert (rows(), owed()) == ([("RETURN", 400, "FAILED")], ([], ["4.00 USD"]))
    if is_closed:
        from marketplace.billing.services.closing import close_taking

        close_taking(operator=operator, row=TakenBack.objects.get(), reason="The account was closed.")
    processor.no_faults()
    refund_there(shop, paid, 1000)
    shop.hear()
    assert rows() == [("RETURN", 400, "VOID"), ("REFUND", 400, "DONE")]
    assert (state(paid), lead_has(processor), owed()) == ((0, 0, 0), 0, ([], []))
    assert not Finding.objects.filter(kind=FindingKind.RETURN_REFUSED, settled_at=None).exists()
    agree()


def test_a_part_of_what_a_lead_was_not_paid_back_is_set_off(
    shop: Shop, paid: Invoice, processor: StripeSandbox
) -> None:
    refuse(processor, "")
    failed_refund(shop, paid, 500)
    processor.no_faults()
    refund_there(shop, paid, 250)
    shop.hear()
    assert (rows(), owed()) == ([("RETURN", 200, "FAILED")], ([], ["2.00 USD"]))
    assert (sums(paid)["SELLER"], lead_has(processor)) == (400, 400)


def test_what_was_refused_both_ways_while_both_were_under_way_is_set_off(
    shop: Shop, paid: Invoice, processor: StripeSandbox
) -> None:
    refuse(processor, "")
    failed_refund(shop, paid, 500)
    TakenBack.objects.update(state="PENDING")
    refund_there(shop, paid, 1000)
    shop.hear()
    shop.advance(0.01)
    assert rows() == [("RETURN", 400, "VOID"), ("REFUND", 400, "FAILED")]
    processor.no_faults()
    settled(shop)
    assert (rows()[1], state(paid), lead_has(processor)) == (("REFUND", 400, "DONE"), (0, 0, 0), 0)


def test_a_finding_is_closed_once_the_lead_was_paid(
    shop: Shop, paid: Invoice, charlie: User, processor: StripeSandbox
) -> None:
    """Left open, an operator would pay once more by hand."""
    sell_another(shop, charlie)
    refuse(processor, "")
    failed_refund(shop, paid, 500)
    open_ones = Finding.objects.filter(kind=FindingKind.RETURN_REFUSED, settled_at=None)
    assert open_ones.count() == 1
    processor.no_faults()
    night(shop)
    assert (rows(), open_ones.exists()) == ([("RETURN", 400, "DONE")], False)


# --- refunds that failed before anybody looked ----------------------------------------------------------------------
@pytest.mark.parametrize("is_heard", [True, False])
def test_a_refund_that_was_made_and_failed_unheard_is_found(
    shop: Shop, paid: Invoice, charlie: User, is_heard: bool
) -> None:
    """Heard: by its own message, after one about its invoice had the payment fetched without refunds. Or by the night."""
    sell_another(shop, charlie)
    since = wall_now()
    name = refund_there(shop, paid, 500, **BOTH)
    shop.processor.fail_refund(name)
    if is_heard:
        with shop.working():
            sync_invoice(mode="TEST", invoice_id=paid.processor_id, since=since)
            sync_refund(mode="TEST", refund_id=name, since=since)
    else:
        with shop.working():
            assert reconcile() == 1
            sweep()
    assert (rows(), state(paid), lead_has(shop.processor)) == ([("RETURN", 400, "DONE")], (800, 0, -1000), 800)
    agree()


# --- lost disputes from before a payment was shared by rows ---------------------------------------------------------
def test_what_a_lost_dispute_took_before_a_refund_failed_counts_as_given(
    shop: Shop, paid: Invoice, charlie: User
) -> None:
    """5.00 were refunded, the other 5.00 lost: when the refund fails, the lead has given its part of all, and is owed half.

    (What the bank takes for a dispute leaves the platform nothing to pay it from, as yet.)
    """
    sell_another(shop, charlie)
    name = refund_there(shop, paid, 500, **BOTH)
    shop.hear()
    shop.processor.close_dispute(contested(shop, paid), "lost")
    shop.hear()
    with shop.working():
        sweep()
    assert (rows(), lead_has(shop.processor)) == ([], 0)
    shop.processor.fail_refund(name)
    shop.hear()
    assert (rows(), owed()) == ([("RETURN", 400, "FAILED")], ([], ["4.00 USD"]))
    with shop.working():
        assert reconcile() == 0
    assert not Finding.objects.filter(kind=FindingKind.DIFFERENCE).exists()
