"""What the processor refused to move between a lead and the platform: operators try it again, or close it and say why."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import AuditEntry, User
from common.errors import DomainError
from marketplace.billing.checks import book_errors
from marketplace.billing.models import Finding, FindingKind, Invoice, MoneyLine
from marketplace.billing.platform_business import platform_business
from marketplace.billing.services.closing import MAX_REASON, close_taking, retry_taking
from marketplace.billing.services.reconciling import reconcile
from marketplace.billing.services.refunding import refund_part
from marketplace.billing.services.sweeping import sweep
from marketplace.billing.tax_models import TakenBack
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop
from tests.marketplace.billing.test_taxing import buy, lead_has, operator, sums, taxed

__all__ = ["operator", "taxed"]

PAGE, ROUTE = "/billing/platform/", "/api/v1/billing/takings/"
GONE = "The account was closed; the lead paid by bank transfer."


@pytest.fixture
def refused(shop: Shop, bob: User, processor: StripeSandbox, taxed: None) -> TakenBack:
    """Taxes of 1.52 that were not taken back of alice, and are refused as often as they are asked for."""
    processor.fault("server_error", where="POST /v1/transfers/", status=400)
    buy(shop, bob)
    row = TakenBack.objects.get()
    assert (row.state, row.amount_minor, lead_has(processor)) == ("FAILED", 152, 952)
    return row


def owed() -> tuple[list[str], list[str]]:
    found = platform_business("TEST")  # type: ignore[arg-type]  # the mode's word
    return [one.words for one in found.owed_by_leads], [one.words for one in found.owed_to_leads]


def test_what_is_closed_is_asked_for_no_more_books_nothing_and_stays_owed(
    shop: Shop, operator: User, processor: StripeSandbox, refused: TakenBack
) -> None:
    lines = MoneyLine.objects.count()
    assert Finding.objects.filter(kind=FindingKind.TRANSFER_REFUSED, settled_at=None).count() == 1
    closed = close_taking(operator=operator, row=refused, reason=f"  {GONE} ")
    assert (closed.state, closed.close_reason, closed.closed_by) == ("CLOSED", GONE, operator)
    assert closed.closed_at is not None
    processor.no_faults()
    # Neither a sweep nor the night asks for it, nor calls it a difference.
    with shop.working():
        sweep()
        assert reconcile() == 0
        sweep()
    closed.refresh_from_db()
    assert (closed.state, closed.attempt, lead_has(processor)) == ("CLOSED", 0, 952)
    assert (MoneyLine.objects.count(), book_errors()) == (lines, [])
    assert owed() == (["1.52 USD"], [])
    assert not Finding.objects.filter(settled_at=None).exists()
    told = AuditEntry.objects.get(action="lead_money.closed")
    assert (told.actor, told.object_id) == (operator, str(refused.pk))
    assert told.before is not None and told.after is not None
    assert (told.before["state"], told.after["state"]) == ("FAILED", "CLOSED")
    assert (told.after["close_reason"], told.after["amount_minor"]) == (GONE, 152)


def test_what_is_tried_again_goes_under_another_key_and_a_closed_one_can_be_opened_by_that(
    shop: Shop, operator: User, processor: StripeSandbox, refused: TakenBack
) -> None:
    with shop.working():
        retry_taking(operator=operator, row=refused)
    refused.refresh_from_db()
    # Refused once more: it is there again, and found again.
    assert (refused.state, refused.attempt) == ("FAILED", 1)
    assert Finding.objects.filter(kind=FindingKind.TRANSFER_REFUSED, settled_at=None).count() == 1
    close_taking(operator=operator, row=refused, reason=GONE)
    processor.no_faults()
    with shop.working():
        retry_taking(operator=operator, row=refused)
    refused.refresh_from_db()
    assert (refused.state, refused.attempt, refused.close_reason, refused.closed_by) == ("DONE", 2, "", None)
    assert (lead_has(processor), owed()) == (800, ([], []))
    with pytest.raises(DomainError, match="TAKING_NOT_REFUSED"):
        retry_taking(operator=operator, row=refused)
    with pytest.raises(DomainError, match="TAKING_NOT_REFUSED"):
        _close(operator, refused)
    assert AuditEntry.objects.filter(action__startswith="lead_money.").count() == 3


def _close(operator: User, row: TakenBack) -> TakenBack:
    return close_taking(operator=operator, row=row, reason=GONE)


def test_it_takes_an_operator_and_a_reason(shop: Shop, operator: User, bob: User, refused: TakenBack) -> None:
    for stranger in (shop.alice, bob):
        with pytest.raises(DomainError, match="OPERATORS_ONLY"):
            _close(stranger, refused)
        with pytest.raises(DomainError, match="OPERATORS_ONLY"):
            retry_taking(operator=stranger, row=refused)
    for reason in ("", "   ", "x" * (MAX_REASON + 1)):
        with pytest.raises(DomainError, match="REASON_MISSING"):
            close_taking(operator=operator, row=refused, reason=reason)
    refused.refresh_from_db()
    assert (refused.state, refused.attempt) == ("FAILED", 0)
    # Whoever writes the row by hand cannot close it without a name and a reason either.
    with pytest.raises(IntegrityError), transaction.atomic():
        TakenBack.objects.update(state="CLOSED")


def test_a_later_refund_does_not_ask_again_for_what_was_closed(
    shop: Shop, operator: User, processor: StripeSandbox, refused: TakenBack
) -> None:
    paid = Invoice.objects.get()
    _close(operator, refused)
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=595)
    shop.hear()
    part = TakenBack.objects.get(cause="REFUND")
    assert (part.state, part.amount_minor) == ("FAILED", 400)
    _close(operator, part)
    processor.no_faults()
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=595)
    shop.hear()
    taken = TakenBack.objects.order_by("created_at").values_list("cause", "amount_minor", "state")
    assert list(taken) == [("TAX", 152, "CLOSED"), ("REFUND", 400, "CLOSED"), ("REFUND", 400, "DONE")]
    assert (owed(), lead_has(processor), sums(paid)["SELLER"]) == ((["5.52 USD"], []), 552, 552)


def test_the_page_shows_what_was_refused_why_and_what_is_owed(shop: Shop, operator: User, refused: TakenBack) -> None:
    browser = Client()
    browser.force_login(operator)
    page = " ".join(browser.get(PAGE).content.decode().split())
    assert "Between leads and the platform" in page and refused.problem in page and "1.52 USD" in page
    address = f"{PAGE}takings/{refused.pk}/decide/"
    assert "in at most 300 letters" in browser.post(address, {"act": "close"}).content.decode()
    assert browser.post(address, {"act": "close", "reason": GONE}).headers["Location"].endswith("#takings")
    page = " ".join(browser.get(PAGE).content.decode().split())
    assert "Closed, and still owed" in page and GONE in page and f"by {operator.profile}" in page
    with shop.working():
        assert browser.post(address, {"act": "retry"}).status_code == 302
    refused.refresh_from_db()
    assert (refused.state, refused.attempt) == ("FAILED", 1)
    stranger = Client()
    stranger.force_login(shop.alice)
    assert stranger.post(address, {"act": "close", "reason": GONE}).status_code == 404
    refused.refresh_from_db()
    assert refused.state == "FAILED"


def test_programs_list_try_again_and_close(shop: Shop, operator: User, refused: TakenBack) -> None:
    browser = Client()
    browser.force_login(operator)
    (told,) = browser.get(ROUTE).json()["results"]
    names = ("cause", "lead", "amount_minor", "currency", "state", "problem", "closed_by")
    lead = shop.alice.profile.handle
    assert tuple(told[name] for name in names) == ("TAX", lead, 152, "usd", "FAILED", refused.problem, None)
    one = f"{ROUTE}{refused.pk}/"
    with shop.working():
        assert browser.post(one, {"act": "RETRY"}, "application/json").json()["state"] == "PENDING"
    empty = browser.post(one, {"act": "CLOSE"}, "application/json")
    assert (empty.status_code, empty.json()["code"]) == (400, "REASON_MISSING")
    closed = browser.post(one, {"act": "CLOSE", "reason": GONE}, "application/json").json()
    handle = operator.profile.handle
    assert (closed["state"], closed["close_reason"], closed["closed_by"]) == ("CLOSED", GONE, handle)
    again = browser.post(one, {"act": "CLOSE", "reason": GONE}, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "TAKING_NOT_REFUSED")
    assert [row["state"] for row in browser.get(ROUTE).json()["results"]] == ["CLOSED"]
    stranger = Client()
    stranger.force_login(shop.alice)
    asked = stranger.post(one, {"act": "RETRY"}, "application/json")
    assert (stranger.get(ROUTE).status_code, asked.status_code) == (404, 404)
