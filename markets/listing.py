"""The list of markets: searched, filtered, sorted by a name or by what the last day brought, and cut into pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from markets.boards import told_days
from markets.models import Exchange, Instrument, MarketKind
from markets.prices import plain_prices
from markets.selectors import instruments_by_id, search_instruments
from markets.tickers import tickers, with_curves

PAGE_ROWS = 50
MAX_SEARCH = 60
MAX_VENUE = 40
FIRST_SORT = "-volume"
# Prices and turnovers are in many currencies: they are compared as figures, as every exchange's own list does it.
FIGURES = ("price", "change", "volume")
SORTS = ("name", *FIGURES)
# Every order in words, for where there are no headings to choose by.
SORT_WORDS = (
    ("-volume", "Largest volume first"),
    ("volume", "Smallest volume first"),
    ("-change", "Biggest gains first"),
    ("change", "Biggest losses first"),
    ("name", "By name"),
    ("-name", "By name, from Z"),
    ("-price", "Highest price first"),
    ("price", "Lowest price first"),
)
_BY_NAME = ("market__base_id", "market__quote_id", "market__contract", "exchange__code", "symbol")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see of the list. Whatever makes no sense in an address is as if it were not there."""

    query: str = ""
    venue: str = ""
    kind: str = ""
    sort: str = FIRST_SORT

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Question:
        """Return the question that an address's parameters (q, venue, kind, sort) ask."""
        sort, kind = given.get("sort", FIRST_SORT), given.get("kind", "")
        return cls(
            query=given.get("q", "").strip()[:MAX_SEARCH],
            venue=given.get("venue", "").strip()[:MAX_VENUE],
            kind=kind if kind in MarketKind.values else "",
            sort=sort if sort.removeprefix("-") in SORTS else FIRST_SORT,
        )

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    def address(self, sort: str) -> str:
        """Return the parameters of the same list in another order, from its first page on."""
        parts = {"q": self.query, "venue": self.venue, "kind": self.kind, "sort": sort}
        return "?" + urlencode({name: value for name, value in parts.items() if value})

    def headings(self) -> dict[str, dict[str, str]]:
        """Return for each column that sorts the address a click leads to and how it is sorted now, as ARIA has it."""
        found = {}
        for name in SORTS:
            # Names begin with A, figures with the largest; the second click turns that round.
            usual = name if name == "name" else f"-{name}"
            turned = name if usual.startswith("-") else f"-{name}"
            order = ("descending" if self.is_descending else "ascending") if name == self.column else "none"
            found[name] = {"href": self.address(turned if self.sort == usual else usual), "order": order}
        return found


def market_page(asked: Question, number: str) -> Page[Any]:
    """Return one page of tickers with their curves; the number of queries and board reads does not depend on how many."""
    found = search_instruments(asked.query)
    if asked.venue:
        found = found.filter(exchange__code=asked.venue)
    if asked.kind:
        found = found.filter(market__kind=asked.kind)
    if asked.column == "name":
        flip = "-" if asked.is_descending else ""
        page: Page[Any] = Paginator(found.order_by(*(f"{flip}{name}" for name in _BY_NAME)), PAGE_ROWS).get_page(number)
        members = list(page.object_list)
    else:
        page = Paginator(_sorted(found.order_by(*_BY_NAME), asked), PAGE_ROWS).get_page(number)
        known = instruments_by_id(page.object_list)
        members = [known[key] for key in page.object_list]
    page.object_list = with_curves(tickers(members))
    return page


def listed_venues() -> Sequence[Exchange]:
    """Return the exchanges whose markets the list may show, by name."""
    return list(Exchange.objects.order_by("name", "code"))


def _sorted(found: QuerySet[Instrument], asked: Question) -> list[UUID]:
    """Return the instruments in the order that was asked for, by name among equals; what has no figure comes last.

    Thousands are sorted by their figures alone: whole instruments and tickers are made of the page that is shown.
    """
    rows = list(found.values_list("pk", "exchange__code", "exchange__dialect", "market__namespace"))
    figures = _told_figures([row for row in rows if row[2]], asked.column)
    here = {row[0] for row in rows if not row[2]}
    for ticker in tickers(found.filter(exchange__dialect="")) if here else ():
        value = {"price": ticker.price, "change": ticker.day_change_ratio, "volume": ticker.day_turnover}[asked.column]
        if value is not None:
            figures[ticker.instrument.id] = float(value)
    known = [row[0] for row in rows if row[0] in figures]
    known.sort(key=figures.__getitem__, reverse=asked.is_descending)
    return known + [row[0] for row in rows if row[0] not in figures]


def _told_figures(rows: Sequence[tuple[UUID, str, str, str]], column: str) -> dict[UUID, float]:
    """Return what the venues themselves say, or the newest price, of (id, exchange, dialect, namespace)."""
    by_exchange, by_namespace = defaultdict(list), defaultdict(list)
    for key, exchange, _, namespace in rows:
        by_exchange[exchange].append(key)
        by_namespace[namespace].append(key)
    found: dict[UUID, float] = {}
    for exchange, keys in by_exchange.items():
        for key, told in told_days(exchange, keys).items():
            value = told[{"price": "last", "change": "change_ratio", "volume": "quote_volume"}[column]]
            if value is None and column == "volume" and told["base_volume"] and told["last"]:
                value = str(float(told["base_volume"]) * float(told["last"]))
            if value is not None:
                found[key] = float(value)
    for namespace, keys in by_namespace.items() if column == "price" else ():
        found.update((key, float(price)) for key, price in plain_prices(namespace, keys).items())
    return found
