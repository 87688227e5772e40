"""Reads what the index is made of, for many listings in the same few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.full_text import words_of
from engine.decimals import ZERO
from engine.following import most_capital, most_followers
from marketplace.models import Listing, ListingState
from marketplace.reviews.ratings import Prior, priors, rating_of
from marketplace.search.facets import MOST_MARKETS
from marketplace.search.stated import stated_of
from marketplace.selectors import follower_counts
from portfolios.models import Position
from strategies.models import StrategyRun
from trading.models import LeadStream

# What a row of the index says, and its words; `place` and `exclusion` follow from all rows (ranking.py).
FIGURES = (
    "is_listed",
    "kind",
    "timeframe",
    "risk_class",
    "markets",
    "age_days",
    "return_ratio",
    "max_drawdown_ratio",
    "monthly_price",
    "capacity_left",
    "follower_return_ratio",
    "follower_count",
    "rating_mean",
    "rating_count",
    "published_at",
)
WORDS = ("title", "handle", "tags", "description")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a listing's row of the index is to say."""

    listing_id: UUID
    portfolio_id: UUID
    figures: dict[str, Any]
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    pk: UUID
    title: str
    description: str
    state: str
    published_at: datetime
    portfolio: UUID
    kind: str
    net_deposits: Decimal
    opened_at: datetime
    handle: str | None
    unit_value: float | None
    drawdown: float | None
    as_of: datetime | None
    equity: Decimal | None
    copied: Decimal | None
    follower_return: float | None
    stars: int | None
    rated: int | None


_COLUMNS = (
    "pk",
    "title",
    "description",
    "state",
    "published_at",
    "portfolio",
    "portfolio__kind",
    "portfolio__net_deposits",
    "portfolio__opened_at",
    "owner__profile__handle",
    "record__unit_value",
    "record__max_drawdown_ratio",
    "record__as_of",
    "record__equity",
    "record__copied_capital",
    "copies__follower_return_ratio",
    "rating__total",
    "rating__count",
)


def gather(listing_ids: Sequence[UUID]) -> list[Gathered]:
    """Return what the index is to say of these listings; nothing of one that was never public."""
    published = Listing.objects.filter(pk__among=listing_ids).exclude(published_at=None)
    rows = [_Row(*one) for one in published.order_by().values_list(*_COLUMNS)]
    portfolios = [one.portfolio for one in rows]
    followers, caps = follower_counts(portfolios), _caps(portfolios)
    markets, timeframes = _markets(portfolios), _timeframes(portfolios)
    stated, prior = stated_of(listing_ids), priors()
    found = []
    for one in rows:
        count, said = followers.get(one.portfolio, 0), stated[one.pk]
        mine = markets.get(one.portfolio, [])
        figures = {
            **_record(one),
            "is_listed": one.state == ListingState.PUBLISHED,
            "kind": one.kind,
            "timeframe": timeframes.get(one.portfolio, ""),
            "risk_class": said.risk_class,
            "markets": mine[:MOST_MARKETS],
            "monthly_price": said.monthly_price,
            "capacity_left": _capacity_left(one, count, caps.get(one.portfolio)),
            "follower_return_ratio": one.follower_return,
            "follower_count": count,
            "rating_mean": rating_of(one.stars or 0, one.rated or 0, prior.get(one.kind, Prior())),
            "rating_count": one.rated or 0,
            "published_at": one.published_at,
        }
        tags = " ".join((*said.tags, *mine, figures["timeframe"], one.kind))
        texts = zip(WORDS, (one.title, one.handle or "", tags, one.description), strict=True)
        words = {name: " ".join(words_of(text)) for name, text in texts}
        found.append(Gathered(one.pk, one.portfolio, figures, words))
    return found


def _record(row: _Row) -> dict[str, Any]:
    age = row.as_of - row.opened_at if row.as_of is not None else None
    return {
        "age_days": max(age.days, 0) if age is not None else 0,
        "return_ratio": 0.0 if row.unit_value is None else row.unit_value - 1,
        "max_drawdown_ratio": row.drawdown or 0.0,
    }


def _capacity_left(row: _Row, followers: int, caps: tuple[int | None, Decimal | None] | None) -> float:
    """Return the room by equity and operators' caps (rule 33); what a market's turnover takes of it, the listing's page says."""
    # (No snapshot yet: it holds what was paid in.)
    equity = row.net_deposits if row.as_of is None or row.equity is None else row.equity
    copied = row.copied or ZERO
    followers_cap, capital_cap = caps or (None, None)
    most = most_followers(equity) if followers_cap is None else followers_cap
    if followers >= most:
        return 0.0
    capital = most_capital(equity, []) if capital_cap is None else capital_cap
    return float(max(capital - copied, ZERO))


def _caps(portfolios: Sequence[UUID]) -> dict[UUID, tuple[int | None, Decimal | None]]:
    rows = LeadStream.objects.filter(portfolio__among=portfolios)
    return {
        pk: (followers, capital)
        for pk, followers, capital in rows.values_list("portfolio", "most_followers", "most_capital")
    }


def _markets(portfolios: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the canonical keys of the markets that each portfolio traded, the first ones first."""
    market = "instrument__market"
    rows = Position.objects.filter(portfolio__among=portfolios).order_by("pk")
    found: dict[UUID, list[str]] = {}
    for pk, *parts in rows.values_list("portfolio", f"{market}__base", f"{market}__quote", f"{market}__contract"):
        key, known = "-".join(part for part in parts if part), found.setdefault(pk, [])
        if key not in known:
            known.append(key)
    return found


def _timeframes(portfolios: Sequence[UUID]) -> dict[UUID, str]:
    """Return the timeframe of each portfolio's newest run; none where it is traded by hand."""
    rows = StrategyRun.objects.filter(portfolio__among=portfolios).order_by("pk")
    return dict(rows.values_list("portfolio", "timeframe"))
