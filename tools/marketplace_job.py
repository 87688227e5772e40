"""A marketplace of many listings, in a database of its own that is dropped afterwards: what bench_rows/marketplace.py measures.

python -m tools.marketplace_job search|ranking|similar|page COUNT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median, quantiles

import django

django.setup()

from django.conf import settings  # noqa: E402  # only after the setup, as everything below
from django.db import connection  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts.models import Profile, SignIn, User  # noqa: E402
from common.clock import set_market_time, wall_now  # noqa: E402
from common.db import bulk_insert  # noqa: E402
from common.ids import new_id, seeded_random  # noqa: E402
from marketplace.models import CopyRecord, Listing, ListingFacts, ListingState, TrackRecord  # noqa: E402
from marketplace.reviews.models import ListingRating, Review  # noqa: E402
from marketplace.search.models import SimilarListing  # noqa: E402
from marketplace.search.selectors import Query, listings_at, search  # noqa: E402
from marketplace.search.services import index_listings, refresh_ranking  # noqa: E402
from marketplace.search.similar import refresh_similar  # noqa: E402
from markets.models import Asset, Instrument, Market  # noqa: E402
from portfolios.models import EquitySnapshot, Portfolio, PortfolioKind, Position, SnapshotGrain  # noqa: E402
from strategies.replay.database import fresh_world  # noqa: E402
from tools.crowds import bench_instrument  # noqa: E402
from trading.models import Follow, FollowState  # noqa: E402

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
COINS = 60
BATCH = 10_000
WORDS = [
    "momentum",
    "trend",
    "carry",
    "grid",
    "swing",
    "scalp",
    "breakout",
    "reversal",
    "mean",
    "range",
    "volatility",
    "hedge",
    "alpha",
    "quiet",
    "steady",
    "bold",
    "fast",
    "slow",
    "daily",
    "weekly",
    "majors",
    "altcoins",
    "bitcoin",
    "ether",
    "basket",
    "rotation",
    "pairs",
    "arbitrage",
    "funding",
    "delta",
    "neutral",
    "long",
    "short",
    "patient",
]
# What descriptions are made of beside: of the words above each stands in every fifth or so.
OTHERS = [
    f"{first}{second}{third}"
    for first in ("ba", "ko", "lu", "mi", "re", "so")
    for second in ("dor", "fin", "gal", "nes", "tam")
    for third in ("a", "en", "is", "or", "um", "y")
]
KINDS = [kind.value for kind in PortfolioKind]
# Words that most have, that few have, that none has and that is misspelt; facets alone, together, and none.
ASKED = (
    "",
    "q=momentum",
    "q=mom",
    "q=momentun",
    "q=quiet+carry+bitcoin",
    "q=lead4242",
    "market=BTC-USDT",
    "kind=PAPER&age=90&age=180&drawdown=5&rating=4",
    "market=BTC-USDT&market=C1-USDT&room=open&sort=return",
    "q=trend&kind=LIVE&sort=rating",
    "q=steady&market=C3-USDT&age=365&sort=relevance",
    "sort=newest",
    "drawdown=0&drawdown=5&sort=drawdown&page=7",
)


def main(kind: str, count: int) -> None:
    measures: dict[str, Callable[[int], dict[str, object]]] = {
        "search": _search,
        "ranking": _ranking,
        "similar": _similar,
        "page": _page,
    }
    settings.ALLOWED_HOSTS = ["testserver"]
    with fresh_world(database_url=None, keep=False):
        print(json.dumps(measures[kind](count)))


def _search(count: int) -> dict[str, object]:
    """Search as the page does: what is found, its facets, and the first cards' rows; milliseconds of each question."""
    _open_market(count)
    refresh_ranking()
    search(Query())
    took: dict[str, list[float]] = {address: [] for address in ASKED}
    for _ in range(12):
        for address, times in took.items():
            began = time.perf_counter()
            found = search(Query.of(QueryDict(address)))
            listings_at(found.keys[:24])
            times.append((time.perf_counter() - began) * 1_000)
    every = [one for times in took.values() for one in times]
    slowest = max(took, key=lambda address: median(took[address]))
    return {"p95": quantiles(every, n=20)[-1], "median": median(every), "slowest": slowest, "of": median(took[slowest])}


def _ranking(count: int) -> dict[str, object]:
    """Rank everything where nothing is known, and where all figures moved; then what somebody published."""
    _open_market(count)
    first = _timed(refresh_ranking)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE marketplace_trackrecord SET unit_value = unit_value * (1 + random() / 100)")
    again = _timed(refresh_ranking)
    some = list(Listing.objects.order_by("pk").values_list("pk", flat=True)[:100])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE marketplace_trackrecord SET unit_value = unit_value * 1.01")
    few = _timed(lambda: index_listings(listing_ids=some))
    return {"first": first, "again": again, "few": few}


def _similar(count: int) -> dict[str, object]:
    """Find the listings most alike, of so many with sixty days each."""
    portfolios = _open_market(count)
    _write_days(portfolios, 60)
    seconds = _timed(refresh_similar)
    return {"seconds": seconds, "pairs": SimilarListing.objects.count()}


def _page(count: int) -> dict[str, object]:
    """Ask for a listing's page with three years of days and so many reviews; milliseconds."""
    portfolios = _open_market(100)
    _write_days(portfolios[:1], 3 * 365)
    _write_reviews(portfolios[0], count)
    refresh_ranking()
    client, address = Client(), reverse("marketplace:detail", args=[portfolios[0].listing.pk])
    times = []
    for _ in range(40):
        began = time.perf_counter()
        answer = client.get(address)
        times.append((time.perf_counter() - began) * 1_000)
        assert answer.status_code == 200, answer.content[:300]
    return {"p95": quantiles(times[2:], n=20)[-1], "median": median(times[2:])}


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


# --- the market -----------------------------------------------------------------------------------------------------
def _open_market(count: int) -> list[Portfolio]:
    """List so many portfolios, each with a record, two or three markets, and one of a hundred that shares an address."""
    chance = seeded_random("marketplace")
    set_market_time("bench", NOW)
    instruments = _instruments()
    portfolios: list[Portfolio] = []
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        people = [User(email=f"{new_id().hex}@example.org") for _ in range(size)]
        bulk_insert(User, people)
        names = [f"lead{start + number}" for number in range(size)]
        bulk_insert(
            Profile,
            [Profile(user=one, handle=name, display_name=name) for one, name in zip(people, names, strict=True)],
        )
        facts = {"namespace": "bench", "settlement_id": "USDT", "net_deposits": Decimal(5_000)}
        some = [
            Portfolio(
                owner=one,
                name="Main",
                kind=chance.choice(KINDS),
                opened_at=NOW - timedelta(days=chance.randrange(1_000)),
                **facts,
            )
            for one in people
        ]
        bulk_insert(Portfolio, some)
        found = [
            Listing(
                owner_id=one.owner_id,
                portfolio=one,
                state=ListingState.PUBLISHED,
                title=" ".join(chance.sample(WORDS, 3)),
                description=" ".join(chance.choices(WORDS, k=6) + chance.choices(OTHERS, k=34)),
                published_at=wall_now() - timedelta(minutes=chance.randrange(500_000)),
            )
            for one in some
        ]
        bulk_insert(Listing, found)
        _write_records(found, chance.random)
        positions = [Position(portfolio=one, instrument=coin) for one in some for coin in chance.sample(instruments, 2)]
        bulk_insert(Position, positions)
        bulk_insert(
            SignIn,
            [
                SignIn(user=one, at=wall_now(), succeeded=True, address=f"10.0.{n // 200}.{n % 200}")
                for n, one in enumerate(people)
                if n % 100 < 2
            ],
        )
        portfolios += some
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return portfolios


def _instruments() -> list[Instrument]:
    first = bench_instrument()
    found = [first]
    for number in range(COINS):
        base = Asset.objects.create(code=f"C{number}")
        market = Market.objects.create(base=base, quote_id="USDT", namespace="bench")
        steps = {"tick_size": Decimal("0.01"), "lot_step": Decimal("0.001")}
        found.append(
            Instrument.objects.create(exchange=first.exchange, market=market, symbol=f"C{number}-USDT", **steps)
        )
    return found


def _write_records(found: Sequence[Listing], chance: Callable[[], float]) -> None:
    records, copies, ratings = [], [], []
    for one in found:
        figures = {"unit_value": 0.5 + chance(), "max_drawdown_ratio": chance() / 2, "equity": Decimal(5_000)}
        records.append(TrackRecord(listing=one, as_of=NOW, **figures))
        copies.append(CopyRecord(listing=one, follower_return_ratio=chance() - 0.5 if chance() < 0.3 else None))
        if (count := int(chance() * 5)) > 0:
            ratings.append(ListingRating(listing=one, count=count, total=count + int(chance() * 4 * count)))
    bulk_insert(TrackRecord, records)
    bulk_insert(CopyRecord, copies)
    bulk_insert(ListingFacts, [ListingFacts(listing=one, risk_class=1 + int(chance() * 5)) for one in found])
    bulk_insert(ListingRating, ratings)


def _write_days(portfolios: Sequence[Portfolio], days: int) -> None:
    chance = seeded_random("days")
    for start in range(0, len(portfolios), 1_000):
        rows = []
        for one in portfolios[start : start + 1_000]:
            worth = 5_000.0
            for day in range(days):
                worth *= 1 + chance.gauss(0, 0.01)
                at = NOW - timedelta(days=days - day)
                facts = {"equity": Decimal(f"{worth:.2f}"), "net_deposits": Decimal(5_000)}
                rows.append(EquitySnapshot(portfolio=one, grain=SnapshotGrain.DAY, at=at, **facts))
        bulk_insert(EquitySnapshot, rows)


def _write_reviews(lead: Portfolio, count: int) -> None:
    people = [User(email=f"{new_id().hex}@example.org") for _ in range(count)]
    bulk_insert(User, people)
    bulk_insert(
        Profile, [Profile(user=one, handle=f"rev{n}", display_name=f"Reviewer {n}") for n, one in enumerate(people)]
    )
    facts = {"kind": lead.kind, "namespace": "bench", "settlement_id": "USDT", "opened_at": NOW}
    books = [Portfolio(owner=one, name="Copy", **facts) for one in people]
    bulk_insert(Portfolio, books)
    begun = {"lead": lead, "start_seq": 0, "started_at": NOW, "state": FollowState.ACTIVE}
    follows = [Follow(follower=book.owner, portfolio=book, **begun) for book in books]
    bulk_insert(Follow, follows)
    text = "It does what it says; the fall in spring was deeper than I had thought. " * 4
    said = {"listing": lead.listing, "text": text, "followed_days": 30, "result_ratio": 0.05, "created_at": wall_now()}
    bulk_insert(
        Review, [Review(follow=one, author=one.follower, stars=1 + n % 5, **said) for n, one in enumerate(follows)]
    )
    ListingRating.objects.update_or_create(listing=lead.listing, defaults={"count": count, "total": 3 * count})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
