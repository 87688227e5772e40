"""The tabs by which pages keep kinds of portfolio apart."""

from __future__ import annotations

from portfolios.models import PortfolioKind


def kind_tabs(address: str, kinds: list[str], chosen: str | None) -> list[dict[str, object]]:
    """Return the tabs that choose a kind of portfolio, as components/tabs.html takes them."""
    return [
        {"label": PortfolioKind(kind).label, "href": f"{address}?kind={kind}", "active": kind == chosen}
        for kind in kinds
    ]
