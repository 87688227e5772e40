"""The proof of what is held on margin: margins, funding and insurance are what the ledger's lines say. Run with the others."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from common.fields import DecimalSum, canonical
from engine.decimals import ZERO
from engine.margin import funding_payment
from portfolios.margin_models import FundingPayment
from portfolios.models import Balance, LedgerAccount, LedgerLine, Position
from portfolios.selectors import BookError


def margins_equal_entries() -> list[BookError]:
    """Each portfolio's isolated margins are what its lines set aside; none below zero, and none of a flat position."""
    kept = dict(Position.objects.exclude(margin=ZERO).values_list("portfolio_id").annotate(DecimalSum("margin")))
    idle = Position.objects.filter(quantity=ZERO).exclude(margin=ZERO)
    return _compared("margins_equal_entries", kept, _lines(LedgerAccount.MARGIN)) + [
        BookError(
            "margins_equal_entries", one.portfolio_id, f"position {one.pk} is flat and keeps {canonical(one.margin)}"
        )
        for one in idle
    ]


def funding_equals_entries() -> list[BookError]:
    """What a position paid at funding times is the sum of its payments, on paper quantity x mark x rate; and so say the lines."""
    rows = Position.objects.exclude(margin_mode="").values_list("portfolio_id", "instrument_id", "funding_paid")
    kept = {(portfolio_id, instrument_id): paid for portfolio_id, instrument_id, paid in rows if paid}
    sums = FundingPayment.objects.values_list("portfolio_id", "instrument_id").annotate(DecimalSum("amount"))
    paid = {(portfolio_id, instrument_id): total for portfolio_id, instrument_id, total in sums if total}
    errors = [
        BookError(
            "funding_equals_entries",
            key[0],
            f"funding {canonical(kept.get(key, ZERO))}, payments {canonical(paid.get(key, ZERO))}",
        )
        for key in kept.keys() | paid.keys()
        if kept.get(key, ZERO) != paid.get(key, ZERO)
    ]
    by_portfolio = dict(FundingPayment.objects.values_list("portfolio_id").annotate(DecimalSum("amount")))
    errors += _compared("funding_equals_entries", by_portfolio, _lines(LedgerAccount.FUNDING))
    return errors + [
        BookError("funding_equals_entries", one.portfolio_id, f"payment {one.pk} is not quantity x mark x rate")
        for one in FundingPayment.objects.filter(mark__isnull=False, rate__isnull=False).iterator()
        if one.amount != funding_payment(one.quantity, one.mark or ZERO, one.rate or ZERO)
    ]


def insurance_equals_entries() -> list[BookError]:
    """What the insurance fund paid for each portfolio's positions is what its lines say, and it never took anything."""
    rows = Position.objects.exclude(insured=ZERO)
    kept = dict(rows.values_list("portfolio_id").annotate(DecimalSum("insured")))
    entries = {pk: -total for pk, total in _lines(LedgerAccount.INSURANCE).items()}
    taken = LedgerLine.objects.filter(account=LedgerAccount.INSURANCE, amount__gt=ZERO)
    return _compared("insurance_equals_entries", kept, entries) + [
        BookError("insurance_equals_entries", line.portfolio_id, f"the fund took {canonical(line.amount)}")
        for line in taken
    ]


def only_margin_owes() -> list[BookError]:
    """Only a portfolio with cross positions has promised more than it has, and only then does its balance say so.

    (A venue's fill may cost one on an exchange account more than its margin: no insurance fund of ours pays there.)
    """
    crossed = set(Position.objects.filter(margin_mode="CROSS").values_list("portfolio_id", flat=True))
    return [
        BookError("only_margin_owes", row.portfolio_id, f"{row.asset_id} owes without a cross position")
        for row in Balance.objects.filter(owes=True, portfolio__account=None)
        if row.portfolio_id not in crossed
    ]


def _lines(account: LedgerAccount) -> dict[UUID, Decimal]:
    return dict(LedgerLine.objects.filter(account=account).values_list("portfolio_id").annotate(DecimalSum("amount")))


def _compared(name: str, kept: Mapping[UUID, Decimal], entries: Mapping[UUID, Decimal]) -> list[BookError]:
    return [
        BookError(name, pk, f"kept {canonical(kept.get(pk, ZERO))}, entries {canonical(entries.get(pk, ZERO))}")
        for pk in kept.keys() | entries.keys()
        if kept.get(pk, ZERO) != entries.get(pk, ZERO)
    ]
