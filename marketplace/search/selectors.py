"""Searching: words and facets in, a page of listings with the counts of what else there is out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import numpy as np
from django.db.models import Avg, Count, Q, QuerySet
from django.http import QueryDict

from common.full_text import MOST_WORDS, corrected, matching_keys, relevance, words_of
from engine.risk_class import HIGHEST
from marketplace.models import Listing, ListingState
from marketplace.search.columns import Array, Snapshot, columns, count_facets
from marketplace.search.facets import BY_NAME, DEFAULT_SORT, FACETS, KINDS, SORTS
from marketplace.search.models import ListingIndex, ListingWords, SearchWord, SimilarListing
from marketplace.selectors import listings
from portfolios.models import PortfolioKind

MAX_TEXT = 200
# Nobody pages further; how many there are in all is told exactly.
MOST_FOUND = 2_400
# Of so many of the best-ranked matches it is asked how well they match.
MOST_WEIGHED = 300
# Of a facet without an end this many values are shown, those with most listings.
MOST_VALUES = 12
_WORD_COLUMNS = ("title", "handle", "tags", "description")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. Values of one facet are alternatives, facets narrow each other."""

    text: str = ""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sort: str = DEFAULT_SORT

    @classmethod
    def of(cls, asked: QueryDict) -> Query:
        """Read an address; what it names wrongly narrows nothing."""
        text = " ".join((asked.get("q") or "").replace("\0", " ").split())[:MAX_TEXT]
        chosen = {}
        for facet in FACETS:
            values = frozenset(value for value in asked.getlist(facet.name)[:50] if value and len(value) <= 60)
            if values:
                chosen[facet.name] = values
        sort = asked.get("sort") or DEFAULT_SORT
        return cls(text, chosen, sort if sort in SORTS else DEFAULT_SORT)

    @classmethod
    def of_pairs(cls, pairs: Sequence[tuple[str, str]]) -> Query:
        """Read the names and values of an address."""
        asked = QueryDict(mutable=True)
        for name, value in pairs:
            asked.appendlist(name, value)
        return cls.of(asked)

    def address(self, without: tuple[str, str] | None = None) -> str:
        """Return it as it stands behind an address's question mark, in one order; less one value where one is named."""
        pairs = [("q", self.text)] if self.text else []
        for name in sorted(self.chosen):
            pairs += [(name, value) for value in sorted(self.chosen[name]) if (name, value) != without]
        if self.sort != DEFAULT_SORT:
            pairs.append(("sort", self.sort))
        return urlencode(pairs)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet: how many listings it would leave, and whether it is chosen."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FacetCounts:
    name: str
    label: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: keys of index rows in their order (the first 2,400), how many in all, and the facets."""

    query: Query
    keys: Sequence[int]
    total: int
    facets: Sequence[FacetCounts]
    # What was looked for in place of words that nothing holds; blank where they stand as typed.
    instead: str = ""


def search(query: Query) -> Found:
    """Find what is published; in a constant number of statements, however many listings there are."""
    index = columns.newest()
    found, words = index.listed, words_of(query.text)[:MOST_WORDS]
    instead = ""
    if words:
        found = index.listed & index.mask_of(matching_keys(ListingWords, _WORD_COLUMNS, words))
        if not found.any() and (near := corrected(SearchWord, "word", words)) != words:
            meant = index.listed & index.mask_of(matching_keys(ListingWords, _WORD_COLUMNS, near))
            # A word that only withdrawn listings, or people who left, have used is told to nobody.
            if meant.any():
                found, words, instead = meant, near, " ".join(near)
    whole, counts = count_facets(index, found, _codes(index, query))
    keys = _sorted(index, whole, query.sort)
    if query.sort == "relevance" and words:
        keys = _most_relevant_first(keys, words)
    return Found(query, keys, len(whole), _facets(index, counts, query), instead)


def _codes(index: Snapshot, query: Query) -> dict[str, frozenset[int]]:
    """Return the codes of the values that are chosen; one that no listing has leaves nothing."""
    known = {
        facet.name: {value: code for code, (value, _) in enumerate(_values(index, facet.name))} for facet in FACETS
    }
    return {name: frozenset(known[name].get(value, -2) for value in values) for name, values in query.chosen.items()}


def _values(index: Snapshot, name: str) -> list[tuple[str, str]]:
    """Return the values of a facet with their labels, by code."""
    if name == "kind":
        return [(str(kind), PortfolioKind(kind).label) for kind in KINDS]
    if (bands := BY_NAME[name].bands) is not None:
        return list(bands.values)
    blank = {"timeframe": "By hand"}.get(name, "")
    return [(value or "none", _label(name, value) or blank) for value in index.values[name]]


def _label(name: str, value: str) -> str:
    if name != "risk":
        return value
    return f"{value} of {HIGHEST}" if value.isdecimal() else value.capitalize()


def _sorted(index: Snapshot, whole: Array, sort: str) -> list[int]:
    mask = np.zeros(len(index.ids), bool)
    mask[whole] = True
    order = index.order(sort)
    return [int(key) for key in index.ids[order[mask[order]][:MOST_FOUND]]]


def _most_relevant_first(keys: list[int], words: Sequence[str]) -> list[int]:
    weighed = keys[:MOST_WEIGHED]
    by = relevance(ListingWords, weighed, words)
    return sorted(weighed, key=lambda key: -by.get(key, 0.0)) + keys[MOST_WEIGHED:]


def _facets(index: Snapshot, counts: Mapping[str, Array], query: Query) -> list[FacetCounts]:
    shown = []
    for facet in FACETS:
        held, chosen = counts[facet.name], query.chosen.get(facet.name, frozenset())
        values = [
            Value(value, label, int(held[code]) if code < len(held) else 0, value in chosen)
            for code, (value, label) in enumerate(_values(index, facet.name))
        ]
        if facet.bands is None and facet.name != "kind":
            values.sort(key=lambda one: (not one.is_chosen, -one.count, one.value))
            values = [one for one in values if one.count or one.is_chosen][:MOST_VALUES]
        shown.append(FacetCounts(facet.name, facet.label, values))
    return shown


def listings_at(keys: Sequence[int]) -> list[Listing]:
    """Return the listings of these index rows, in the same order, with what a card shows."""
    found = {one.index.pk: one for one in listings().filter(index__in=list(keys))}
    return [found[key] for key in keys if key in found]


def similar_to(listing: Listing) -> QuerySet[SimilarListing]:
    """Return the published listings whose daily returns move most like this one's, the most alike first."""
    shown = SimilarListing.objects.filter(listing=listing, other__state=ListingState.PUBLISHED)
    return shown.select_related("other", "other__record").order_by("place")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What all leads of a kind came to, those who withdrew, fell flat or left among them."""

    leads: int
    gone: int
    mean_return_ratio: float | None
    losing_ratio: float | None
    # The mean of what the followers of each lead that ever had any came to.
    follower_return_ratio: float | None


def aggregate_of(kind: str) -> Aggregate:
    """Return what a kind came to since the beginning: history is never reset (copy-trading rule 40)."""
    rows = ListingIndex.objects.filter(kind=kind)
    told = rows.aggregate(
        leads=Count("pk"),
        gone=Count("pk", filter=Q(is_listed=False)),
        mean=Avg("return_ratio"),
        losing=Count("pk", filter=Q(return_ratio__lt=0)),
        followers=Avg("follower_return_ratio"),
    )
    leads = told["leads"]
    return Aggregate(leads, told["gone"], told["mean"], told["losing"] / leads if leads else None, told["followers"])
