"""Taxes are the platform's to pay: what the lead gets of a payment with taxes, and what of it goes back, to the cent."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common.clock import wall_now
from common.tasks import inline_tasks
from marketplace.billing import gateway
from marketplace.billing.business import business_of
from marketplace.billing.checks import book_errors, differences_from_processor
from marketplace.billing.models import Account, Finding, FindingKind, Invoice, Mode, MoneyLine, Seller
from marketplace.billing.platform_business import platform_business
from marketplace.billing.selectors import statement_lines
from marketplace.billing.services import taxing
from marketplace.billing.services.inbox import process_due
from marketplace.billing.services.reconciling import reconcile
from marketplace.billing.services.refunding import refund_part, request_refund
from marketplace.billing.services.sweeping import sweep
from marketplace.billing.services.syncing import sync_invoice
from marketplace.billing.statements import statement_csv, statement_pdf, totals
from marketplace.billing.tax_models import TakenBack, TaxSplit
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop, deliver

REVERSALS = "/reversals"


@pytest.fixture
def operator() -> User:
    return User.objects.create_user("olive@example.org", is_staff=True)


@pytest.fixture
def taxed(settings: Settings) -> None:
    settings.STRIPE_TAX = True


def buy(shop: Shop, buyer: User, amount: str = "10") -> Invoice:
    """Subscribe in Germany: 19 % on top."""
    checkout = shop.begin(buyer, shop.price(amount))
    shop.processor.check_out(checkout.processor_id, country="DE")
    shop.hear()
    return Invoice.objects.get()


def lead_has(processor: StripeSandbox) -> int:
    """Return what the lead's balance at the processor comes to, payouts left out."""
    api = processor.client().v1.balance_transactions
    found = api.list({"limit": 100}, {"stripe_account": Seller.objects.get().processor_id})
    return sum(one.net for one in found.data if one.type != "payout")


def sums(paid: Invoice) -> dict[str, int]:
    """Return what the books say of a payment, by account."""
    totals: dict[str, int] = {}
    for one in MoneyLine.objects.filter(invoice=paid):
        totals[one.account] = totals.get(one.account, 0) + one.amount_minor
    return totals


def agree() -> None:
    assert (book_errors(), differences_from_processor(), reconcile()) == ([], [], 0)


def contested(shop: Shop, paid: Invoice) -> str:
    charge = shop.processor.client().v1.payment_intents.retrieve(paid.payment_id).latest_charge
    assert isinstance(charge, str)
    opened: str = shop.processor.dispute(charge)["id"]
    return opened


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize(
    ("amount", "tax", "fee", "share"), [("10", 190, 200, 800), ("10.01", 190, 200, 801), ("9.97", 189, 199, 798)]
)
def test_a_lead_gets_its_part_of_the_price_and_the_platform_holds_all_taxes(
    shop: Shop, bob: User, amount: str, tax: int, fee: int, share: int
) -> None:
    paid = buy(shop, bob, amount)
    split = TaxSplit.objects.get()
    assert (split.tax_minor, split.fee_minor, split.share_minor) == (tax, fee, share)
    whole = paid.paid_minor
    processors = (whole * 29 + 500) // 1000 + 30
    assert sums(paid) == {
        Account.BUYER: -whole,
        Account.SELLER: share,
        Account.TAX: tax,
        Account.PLATFORM: fee - processors,
        Account.PROCESSOR: processors,
    }
    assert lead_has(shop.processor) == share
    agree()
    # Every renewal likewise.
    shop.advance(32)
    assert TaxSplit.objects.count() == TakenBack.objects.filter(state="DONE", cause="TAX").count() == 2
    assert lead_has(shop.processor) == 2 * share
    agree()


def test_without_taxes_nothing_is_taken_back(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    assert sums(paid) == {Account.BUYER: -1000, Account.SELLER: 800, Account.PLATFORM: 141, Account.PROCESSOR: 59}
    assert not TaxSplit.objects.exists() and not TakenBack.objects.exists()
    assert taxing.returns_by_proportion(paid)


@pytest.mark.usefixtures("taxed")
def test_a_whole_refund_gives_price_and_taxes_back_and_takes_the_leads_share_once(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    with shop.working():
        request_refund(user=bob, invoice=paid)
    shop.hear()
    # Only the processor's fee stays, with the platform.
    assert sums(paid) == {
        Account.BUYER: 0,
        Account.SELLER: 0,
        Account.TAX: 0,
        Account.PLATFORM: -65,
        Account.PROCESSOR: 65,
    }
    assert lead_has(shop.processor) == 0
    taken = TakenBack.objects.order_by("created_at").values_list("cause", "amount_minor", "state")
    assert list(taken) == [("TAX", 152, "DONE"), ("REFUND", 800, "DONE")]
    agree()


@pytest.mark.usefixtures("taxed")
def test_refunds_in_parts_give_back_their_part_of_the_taxes_and_end_at_nothing(
    shop: Shop, bob: User, operator: User
) -> None:
    paid = buy(shop, bob)
    expected = [(595, 400, 95), (1, 399, 95), (333, 175, 42), (261, 0, 0)]
    for amount, share, tax in expected:
        with shop.working():
            refund_part(operator=operator, invoice=paid, amount_minor=amount)
        shop.hear()
        books = sums(paid)
        assert (books[Account.SELLER], books[Account.TAX], lead_has(shop.processor)) == (share, tax, share)
        agree()
    assert sums(paid)[Account.PLATFORM] == -65


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("refunded", [0, 595])
def test_a_lost_dispute_is_borne_by_the_lead_with_its_share_and_by_the_taxes_with_theirs(
    shop: Shop, bob: User, operator: User, refunded: int
) -> None:
    paid = buy(shop, bob)
    if refunded:
        with shop.working():
            refund_part(operator=operator, invoice=paid, amount_minor=refunded)
    dispute = contested(shop, paid)
    shop.hear()
    # Nothing is taken before it is lost.
    assert sums(paid)[Account.SELLER] == 800 - refunded * 800 // 1190
    shop.processor.close_dispute(dispute, "lost")
    shop.hear()
    books = sums(paid)
    assert (books[Account.SELLER], books[Account.TAX], books[Account.BUYER]) == (0, 0, 0)
    # The fees of charge and dispute.
    assert (books[Account.PLATFORM], books[Account.PROCESSOR]) == (-1565, 1565)
    assert lead_has(shop.processor) == 0
    shop.advance(1)
    agree()


@pytest.mark.usefixtures("taxed")
def test_a_dispute_that_is_won_takes_nothing(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    dispute = contested(shop, paid)
    shop.processor.close_dispute(dispute, "won")
    shop.hear()
    assert (sums(paid)[Account.SELLER], sums(paid)[Account.TAX], lead_has(shop.processor)) == (800, 190, 800)
    agree()


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("fault", ["server_error", "server_error_after", "rate_limit"])
def test_silence_is_no_rejection_and_what_was_reversed_is_not_reversed_again(
    shop: Shop, bob: User, processor: StripeSandbox, fault: str
) -> None:
    processor.fault(fault, where=REVERSALS, count=1)
    buy(shop, bob)
    processor.no_faults()
    row = TakenBack.objects.get()
    assert (row.state, row.problem) == ("PENDING", "")
    shop.advance(0.01)
    row.refresh_from_db()
    assert (row.state, lead_has(processor)) == ("DONE", 800)
    agree()


@pytest.mark.usefixtures("taxed")
def test_killed_after_the_row_or_after_the_call_the_same_is_taken_once_even_a_week_later(
    shop: Shop, bob: User, processor: StripeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **facts: object) -> None:
        raise SystemExit

    # After the row: its task never ran.
    with monkeypatch.context() as patched:
        patched.setattr(gateway, "take_of_transfer", lambda *args, **facts: (_ for _ in ()).throw(RuntimeError))
        paid = buy(shop, bob)
    assert (TakenBack.objects.get().state, lead_has(processor)) == ("PENDING", 952)
    # After the call, before it was booked.
    TakenBack.objects.update(due_at=wall_now())
    with monkeypatch.context() as patched:
        patched.setattr(taxing, "book_taken", die)
        with pytest.raises(SystemExit):
            sweep()
    assert (TakenBack.objects.get().state, lead_has(processor), sums(paid)[Account.SELLER]) == ("PENDING", 800, 952)
    # (The key is forgotten by then.)
    shop.advance(8)
    assert (TakenBack.objects.get().state, lead_has(processor), sums(paid)[Account.SELLER]) == ("DONE", 800, 800)
    agree()


@pytest.mark.usefixtures("taxed")
def test_doubled_and_shuffled_messages_come_to_the_same(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=595)
    shop.processor.close_dispute(contested(shop, paid), "lost")
    events = processor.control("GET", "events")
    for seed in (1, 2):
        shuffled = [dict(one, id=f"{one['id']}_{seed}") for one in [*events, *events]]
        random.Random(seed).shuffle(shuffled)
        with shop.working():
            for one in shuffled:
                assert deliver(one) == 200
    with shop.working():
        process_due()
        sweep()
    taken = TakenBack.objects.order_by("created_at").values_list("cause", "amount_minor", "state")
    assert list(taken) == [("TAX", 152, "DONE"), ("REFUND", 400, "DONE"), ("DISPUTE", 400, "DONE")]
    assert lead_has(processor) == 0
    agree()


@pytest.mark.usefixtures("taxed")
def test_a_refusal_is_told_to_operators_and_asked_for_again_at_night_under_another_key(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    processor.fault("server_error", where="POST /v1/transfers/", status=400, count=1)
    buy(shop, bob)
    processor.no_faults()
    row = TakenBack.objects.get()
    assert (row.state, lead_has(processor)) == ("FAILED", 952)
    assert Finding.objects.get().kind == FindingKind.TRANSFER_REFUSED
    with shop.working():
        reconcile()
        sweep()
    row.refresh_from_db()
    assert (row.state, row.attempt, lead_has(processor)) == ("DONE", 1, 800)
    agree()


@pytest.mark.usefixtures("taxed")
def test_statement_and_operators_page_say_price_tax_fee_and_share(shop: Shop, bob: User, operator: User) -> None:
    paid = buy(shop, bob)
    lines = list(statement_lines(Seller.objects.get()))
    charge, tax = (row.split(",") for row in statement_csv(lines).decode().splitlines()[1:3])
    assert charge[4:] == ["9.52", "USD", "10.00", "1.90", "2.00", "8.00"]
    assert (tax[1], tax[3:]) == ("Taxes", [paid.number, "-1.52", "USD", "", "", "", ""])
    assert totals(lines) == {"usd": lead_has(shop.processor)}
    assert statement_pdf(Seller.objects.get(), lines, "until today").startswith(b"%PDF")
    client = Client()
    client.force_login(shop.alice)
    rows = client.get("/api/v1/billing/business/statement/").json()["results"]
    told = next(one for one in rows if one["kind"] == "CHARGE")
    names = ("amount_minor", "price_minor", "tax_minor", "fee_minor", "share_minor")
    assert tuple(told[name] for name in names) == (952, 1000, 190, 200, 800)
    page = client.get("/billing/business/").content.decode()
    assert "Price 10.00 USD, taxes 1.90 USD, fee 2.00 USD, your share 8.00 USD" in " ".join(page.split())
    assert [one.minor for one in business_of(shop.alice).earned] == [800]
    found = platform_business(Mode.TEST)
    assert [(label, [one.minor for one in sums]) for label, sums in found.parts] == [
        ("Price", [1000]),
        ("Taxes", [190]),
        ("Fee", [200]),
        ("Leads' share", [800]),
    ]
    assert ([one.minor for one in found.taxes], [one.minor for one in found.kept]) == ([190], [200 - 65])
    client.force_login(operator)
    assert "Taxes held" in client.get("/billing/platform/").content.decode()


@pytest.mark.usefixtures("taxed")
def test_what_somebody_reversed_by_hand_is_a_difference_in_the_night(shop: Shop, bob: User) -> None:
    buy(shop, bob)
    shop.processor.client().v1.transfers.reversals.create(TaxSplit.objects.get().transfer_id, {"amount": 5})
    assert reconcile() == 1
    found = Finding.objects.get(kind=FindingKind.DIFFERENCE)
    assert found.details == {"ours": {"reversed_minor": 152}, "theirs": {"reversed_minor": 157}}
    assert len(differences_from_processor()) == 2


@pytest.mark.usefixtures("taxed")
def test_a_refund_by_proportion_at_the_processors_own_page_takes_no_more_than_what_is_left(
    shop: Shop, bob: User
) -> None:
    """Whoever refunds there has it reverse the transfer: all that is left of it, the fee given back; and no row of ours."""
    paid = buy(shop, bob)
    wish = {"payment_intent": paid.payment_id, "reverse_transfer": True, "refund_application_fee": True}
    shop.processor.client().v1.refunds.create(wish)  # type: ignore[arg-type]
    shop.hear()
    assert (lead_has(shop.processor), sums(paid)[Account.SELLER], sums(paid)[Account.TAX]) == (0, 0, 0)
    assert TakenBack.objects.get().cause == "TAX"
    assert (book_errors(), differences_from_processor()) == ([], [])


@pytest.mark.usefixtures("taxed")
def test_a_payment_that_an_earlier_release_booked_stays_as_it_was(shop: Shop, bob: User) -> None:
    """Its taxes were settled by hand, as was written then: neither its booking changes nor is anything taken."""
    paid = buy(shop, bob)
    MoneyLine.objects.filter(account=Account.TAX).delete()
    TakenBack.objects.all().delete()
    TaxSplit.objects.all().delete()
    before = sums(paid)
    with shop.working():
        sync_invoice(mode="TEST", invoice_id=paid.processor_id)
    assert (sums(paid), TaxSplit.objects.exists(), TakenBack.objects.exists()) == (before, False, False)
    assert taxing.returns_by_proportion(paid)


@pytest.mark.usefixtures("taxed")
def test_the_fee_is_of_the_price_also_where_the_percentage_is_another_by_now(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    for percent in (Decimal(20), Decimal(10), None):
        assert taxing._fee_of_price(paid, 1000, 1190, 238, percent) == 200


@pytest.mark.usefixtures("taxed")
def test_for_a_refund_that_may_fail_yet_the_lead_gives_nothing(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    under_way = {"id": "re_1", "amount": paid.paid_minor, "status": "pending", "created": 1}
    taxing.take_for_refunds(paid, [under_way])
    assert not TakenBack.objects.filter(cause="REFUND").exists()
    with inline_tasks(random.Random(1)):
        taxing.take_for_refunds(paid, [under_way | {"status": "succeeded"}])
    assert TakenBack.objects.get(cause="REFUND").amount_minor == 800


@pytest.mark.usefixtures("taxed")
def test_how_a_payment_with_taxes_is_given_back_is_not_guessed_before_it_is_booked(shop: Shop, bob: User) -> None:
    paid = buy(shop, bob)
    assert not taxing.returns_by_proportion(paid)
    TakenBack.objects.all().delete()
    TaxSplit.objects.all().delete()
    MoneyLine.objects.filter(invoice=paid).delete()
    with pytest.raises(gateway.Unanswered):
        taxing.returns_by_proportion(paid)
