"""More of what is said and proven of listings, and of what may be done in, or with, alice's portfolios and strategies."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from accounts.models import User
from common.clock import wall_now
from common.ids import new_id
from marketplace.models import Listing
from marketplace.proofs.models import DriftDay, PublishedBacktest, RecordRoot, Reproduction
from marketplace.publishing.models import Outcome, Submission
from marketplace.reviews.models import Review
from markets.models import Backfill, Instrument
from portfolios.delegation_models import Delegation
from portfolios.margin_models import FundingPayment
from portfolios.models import LedgerLine
from strategies.grants.models import StrategyGrant
from strategies.models import JobState, RunState, StrategyVersion
from tests.fixtures_desk import NOON
from tests.routes.crowd_rows import Rows
from trading.approvals.models import OrderApproval
from trading.models import Follow


def more_of_the_marketplace(
    rows: Rows, *, people: list[User], listings: list[Listing], follows: list[Follow], instruments: list[Instrument]
) -> None:
    """Let everybody review alice's listing and submit one of their own; let more be proven of alice's."""
    world, now = rows.world, wall_now()
    review = Review.objects.get(pk=world.values["review_id"])
    rows.copies(review, author_id=rows.at(people), follow_id=rows.at(follows))
    submission = Submission.objects.get(pk=world.values["submission_id"])
    rows.copies(
        submission,
        listing_id=rows.at(listings),
        outcome=lambda n: Outcome.IN_REVIEW,
        submitted_at=lambda n: now + timedelta(seconds=n),
        decided_at=lambda n: None,
    )
    rows.copies(rows.first(RecordRoot), number=lambda n: 1_000 + n)
    published = PublishedBacktest.objects.get(listing=world.listing)
    done = {"state": JobState.DONE, "asked_at": now, "spec_hash": "0" * 64, "expected_hash": "0" * 64}
    reader = world.people["alice"]
    Reproduction.objects.bulk_create(Reproduction(published=published, reader=reader, **done) for _ in rows.numbers)
    lead = world.pit.lead.pk
    runs = rows.copies(
        world.run,
        portfolio_id=lambda n: lead,
        instrument_id=rows.at(instruments),
        state=lambda n: RunState.STOPPED,
    )
    counts = {"wished": 1, "matched": 1, "missed": 0, "extra": 0, "compared_at": now}
    DriftDay.objects.bulk_create(DriftDay(run=run, day=NOON.date(), **counts) for run in runs)


def more_of_trading(
    rows: Rows, *, people: list[User], instruments: list[Instrument], versions: list[StrategyVersion]
) -> None:
    """Let alice lend, ask for, be granted and be booked more."""
    world, alice = rows.world, rows.world.people["alice"]
    rows.copies(Backfill.objects.get(pk=world.values["backfill_id"]), instrument_id=rows.at(instruments))
    rows.copies(Delegation.objects.get(pk=world.values["delegation_id"]), person_id=rows.at(people))
    approval = OrderApproval.objects.get(pk=world.values["approval_id"])
    rows.copies(
        approval, key=lambda n: f"crowd-{n}", instrument_id=rows.at(instruments), requested_by_id=rows.at(people)
    )
    paid = {"quantity": Decimal(1), "amount": Decimal(1), "happened_at": NOON, "recorded_at": NOON}
    lead = world.pit.lead
    FundingPayment.objects.bulk_create(FundingPayment(portfolio=lead, instrument=one, **paid) for one in instruments)
    StrategyGrant.objects.bulk_create(
        StrategyGrant(user=alice, version=one, shows_source=True, granted_at=NOON) for one in versions
    )
    hold = rows.first(LedgerLine, portfolio=lead, order_id__isnull=False)
    order = world.values["order_id"]
    rows.copies(hold, booking_id=lambda n: new_id(), order_id=lambda n: order)
