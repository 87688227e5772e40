"""The publish gate's job, on stored candles: a strategy from the future is refused by name, an honest one is let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Notification, User
from common.child import ChildUsage
from common.clock import wall_now
from common.errors import DomainError
from engine.strategy.evaluate import evaluator
from marketplace.billing.models import Price
from marketplace.billing.selectors import listing_subject
from marketplace.models import Listing, ListingState, Offer, Source
from marketplace.publishing.gate import refusal_of
from marketplace.publishing.models import Outcome, Submission
from marketplace.publishing.services import checking
from marketplace.publishing.services.checking import check_submission_job, recover_submissions
from marketplace.services.listings import (
    end_use,
    publish_listing,
    update_listing,
    use_listing,
    withdraw_listing,
)
from portfolios.models import Portfolio, PortfolioState
from strategies import computing
from strategies.models import JobState, StrategyVersion
from strategies.services import jobs
from strategies.services.definitions import save_strategy
from tests.fixtures_desk import Working
from tests.fixtures_past import CROSSING, Past, ema_cross

SAID = {"risks": "It may lose.", "conflicts": "None.", "has_own_money": True, "offer": Offer.DEFINITION}


class Inline:
    """Computes what a child would, in this process: the same functions on the same arguments."""

    def run(self, function: str, *args: Any, **limits: Any) -> tuple[Any, ChildUsage]:
        assert not limits["stopped"]()
        return getattr(computing, function)(lambda progress: None, *args), ChildUsage(0.0, 0, 0)


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "children", Inline)


@pytest.fixture
def version(alice: User, past: Past) -> StrategyVersion:
    return save_strategy(owner=alice, name="Waves", instruments=[past.instrument], timeframe="5m", face=CROSSING)


def offer(alice: User, past: Past, version: StrategyVersion, **said: Any) -> Listing:
    return publish_listing(
        owner=alice, portfolio=past.desk.portfolio(alice), title="Waves", version_id=version.pk, **{**SAID, **said}
    )


def shifted(make: Callable[..., Any]) -> Callable[..., Any]:
    """Make evaluators whose entries come one candle before they can be known."""

    def from_the_future(graph: Any, timeframe: str) -> Callable[[Any], Any]:
        honest = make(graph, timeframe)

        def signals(market: Any) -> Any:
            found = honest(market)
            moved = np.append(found.enter_long[1:], False)
            return replace(found, enter_long=moved)

        return signals

    return from_the_future


def test_a_strategy_from_the_future_is_refused_by_signal_and_candle(
    alice: User, past: Past, version: StrategyVersion, working: Working, inline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "evaluator", shifted(evaluator))
    with working():
        listing = offer(alice, past, version)
        assert listing.state == ListingState.SUBMITTED
    listing.refresh_from_db()
    refused = Submission.objects.get()
    assert (listing.state, refused.outcome, refused.refusal_code) == (
        ListingState.REFUSED,
        Outcome.REFUSED,
        "LOOKS_AHEAD",
    )
    fault = refused.findings["fault"]
    assert (fault["signal"], fault["symbol"], fault["said"]) == ("enter_long", "BTC-USDT", True)
    assert refused.refusal.startswith(
        "The entry signal (enter_long) looks into the future: at the candle of BTC-USDT that opened at 2026-0"
    )
    assert Notification.objects.get(user=alice).event == "listing.refused"
    owner = Client()
    owner.force_login(alice)
    assert b"looks into the future" in owner.get(reverse("marketplace:detail", args=[listing.pk])).content


@pytest.mark.parametrize("lost", ["seller", "portfolio"])
def test_what_was_lost_while_it_was_tested_is_asked_again(
    alice: User, past: Past, version: StrategyVersion, working: Working, inline: None, settings: Settings, lost: str
) -> None:
    """A payout account that is finished no more, or a portfolio that was frozen: nothing is published on them."""
    now = wall_now()
    with working():
        listing = offer(alice, past, version)
        if lost == "portfolio":
            Portfolio.objects.filter(pk=listing.portfolio_id).update(state=PortfolioState.FROZEN)
        else:
            settings.STRIPE_SECRET_KEY = "sk_test_x"
            terms = {"interval": "month", "currency": "usd", "amount_minor": 900, "mode": "TEST", "state": "LIVE"}
            subject = listing_subject(listing.pk)
            Price.objects.create(listing=listing, subject=subject, due_at=now, created_at=now, **terms)
    listing.refresh_from_db()
    refused = Submission.objects.get()
    code = {"seller": "SELLER_MISSING", "portfolio": "PORTFOLIO_NOT_OPEN"}[lost]
    assert (listing.state, refused.outcome, refused.refusal_code) == (ListingState.REFUSED, Outcome.REFUSED, code)


def test_an_honest_strategy_is_tested_in_a_child_and_published_with_its_verdict(
    alice: User, past: Past, version: StrategyVersion, working: Working
) -> None:
    with working():
        listing = offer(alice, past, version)
    found = Submission.objects.get()
    assert (found.state, found.outcome, found.findings["fault"]) == (JobState.DONE, Outcome.PUBLISHED, None)
    assert (found.findings["trials"], found.findings["verdict"]["level"]) == (1, "unproven")
    listing.refresh_from_db()
    assert (listing.state, listing.versions.get().findings) == (ListingState.PUBLISHED, found.findings)


def test_what_luck_explains_is_refused_with_its_number() -> None:
    text = "A Sharpe of this size is expected by luck (deflated Sharpe 0.31)."
    reasons = [
        {"code": "FEES", "bearing": "against", "text": "Fees."},
        {"code": "LUCK", "bearing": "decisive", "text": text},
    ]
    code, words = refusal_of({"fault": None, "verdict": {"reasons": reasons}}) or ("", "")
    assert (code, words) == ("STRATEGY_LUCK", f"On its past it does not hold up. {text}")
    assert refusal_of({"fault": None, "verdict": {"reasons": reasons[:1]}}) is None


def test_a_tested_definition_is_used_sealed_and_kept_over_an_update(
    alice: User,
    bob: User,
    charlie: User,
    past: Past,
    version: StrategyVersion,
    working: Working,
    inline: None,
) -> None:
    with working():
        listing = offer(alice, past, version, source=Source.SEALED)
    listing.refresh_from_db()
    assert listing.state == ListingState.PUBLISHED
    grant = use_listing(user=bob, listing=listing)
    assert (grant.version, grant.shows_source, grant.until) == (version, False, None)
    # Words alone are not tested again.
    update_listing(actor=alice, listing=listing, summary="Calm")
    assert listing.versions.count() == 2
    # What was shown never changes: an edit is the next version, which is tested before it is offered.
    second = save_strategy(
        owner=alice,
        name="Waves",
        instruments=[past.instrument],
        timeframe="5m",
        face=ema_cross(4, 9),
        strategy=version.strategy,
    )
    assert second.number == 2
    with working():
        update_listing(actor=alice, listing=listing, version_id=second.pk, changes="Slower")
        listing.refresh_from_db()
        assert (listing.version, listing.state) == (version, ListingState.PUBLISHED)
    listing.refresh_from_db()
    assert listing.version == second
    assert listing.versions.get(number=3).effects == [
        "Whoever uses an earlier version keeps it until they take this one."
    ]
    assert [one.version for one in bob.strategy_grants.all()] == [version]
    assert use_listing(user=bob, listing=listing).version == second
    withdraw_listing(actor=alice, listing=listing)
    with pytest.raises(DomainError) as refused:
        use_listing(user=charlie, listing=listing)
    assert refused.value.code == "LISTING_WITHDRAWN"
    assert bob.strategy_grants.filter(revoked_at=None).count() == 2
    assert end_use(user=bob, listing=listing) == 2
    assert bob.strategy_grants.filter(revoked_at=None).count() == 0


def test_a_test_whose_worker_died_is_made_by_another_and_then_given_up(
    alice: User, past: Past, version: StrategyVersion
) -> None:
    listing = offer(alice, past, version)
    found = Submission.objects.get()
    for attempt in (1, 2):
        assert jobs.take(Submission, Submission.objects.get().pk) is not None
        Submission.objects.update(claimed_until=wall_now() - jobs.LEASE)
        recover_submissions()
        found = Submission.objects.get()
        assert found.attempts == attempt
    listing.refresh_from_db()
    assert (found.state, found.outcome, found.refusal_code) == (JobState.FAILED, Outcome.REFUSED, "INTERRUPTED")
    assert listing.state == ListingState.REFUSED


def test_a_test_that_was_overtaken_writes_nothing(
    alice: User, past: Past, version: StrategyVersion, inline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = offer(alice, past, version)
    real = checking._test

    def overtaken(job: Submission) -> dict[str, Any]:
        found = real(job)
        withdraw_listing(actor=alice, listing=listing)
        return found

    monkeypatch.setattr(checking, "_test", overtaken)
    check_submission_job(submission_id=Submission.objects.get().pk)
    listing.refresh_from_db()
    assert (listing.state, Submission.objects.get().outcome) == (ListingState.DRAFT, Outcome.OVERTAKEN)
    assert listing.versions.count() == 0


def test_what_has_no_candles_cannot_be_tested(alice: User, past: Past, working: Working, inline: None) -> None:
    empty = past.desk.instrument("ETH")
    version = save_strategy(owner=alice, name="Empty", instruments=[empty], timeframe="5m", face=CROSSING)
    with working():
        offer(alice, past, version)
    assert (Submission.objects.get().outcome, Submission.objects.get().refusal_code) == (Outcome.REFUSED, "NO_CANDLES")
