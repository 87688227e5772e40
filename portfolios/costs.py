"""What trading on paper costs, and how late it is: the figures that a book's owner may set, their ranges, and their words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal

from common.errors import DomainError
from common.fields import canonical
from portfolios.models import Portfolio, PortfolioKind

MAX_FEE_BPS = Decimal(500)
MAX_SLIPPAGE_BPS = Decimal(1_000)
MAX_LATENCY_MS = Decimal(60_000)
# What the columns keep.
_FINEST_BPS = Decimal("0.0001")
_FINEST_MS = Decimal(1)

ON_PAPER = (PortfolioKind.PAPER, PortfolioKind.SIMULATED)


@dataclass(frozen=True, slots=True)
class CostModel:
    """Fees and slippage in basis points, latency in milliseconds of market time. A fee of None is the venue's own.

    The latency of an order lies between `latency_ms` and `latency_ms` + `latency_jitter_ms`, and follows from its id.
    """

    maker_fee_bps: Decimal | None
    taker_fee_bps: Decimal | None
    slippage_bps: Decimal
    latency_ms: Decimal
    latency_jitter_ms: Decimal

    def check(self) -> None:
        """Raise DomainError COST_INVALID, with the field, for a figure out of its range or finer than is kept."""
        for name, value in asdict(self).items():
            if value is None and name in ("maker_fee_bps", "taker_fee_bps"):
                continue
            most, finest, unit = _RANGES[name]
            if value is None or not value.is_finite() or not 0 <= value <= most or value % finest:
                fineness = "at most four decimals" if finest == _FINEST_BPS else "no decimals"
                message = f"Enter between 0 and {most:,} {unit}, with {fineness}."
                raise DomainError("COST_INVALID", message, {"field": name})

    def figures(self) -> dict[str, str | None]:
        """Return the figures as plain text."""
        return {name: None if value is None else canonical(value) for name, value in asdict(self).items()}


_RANGES = {
    "maker_fee_bps": (MAX_FEE_BPS, _FINEST_BPS, "bps"),
    "taker_fee_bps": (MAX_FEE_BPS, _FINEST_BPS, "bps"),
    "slippage_bps": (MAX_SLIPPAGE_BPS, _FINEST_BPS, "bps"),
    "latency_ms": (MAX_LATENCY_MS, _FINEST_MS, "ms"),
    "latency_jitter_ms": (MAX_LATENCY_MS, _FINEST_MS, "ms"),
}
FIELDS = tuple(_RANGES)


def costs_of(portfolio: Portfolio) -> CostModel:
    """Return the costs that a portfolio trades at on our own broker."""
    return CostModel(
        portfolio.maker_fee_bps,
        portfolio.taker_fee_bps,
        portfolio.slippage_bps,
        Decimal(portfolio.latency_ms),
        Decimal(portfolio.latency_jitter_ms),
    )


def is_on_paper(portfolio: Portfolio) -> bool:
    """Say whether our own broker fills the portfolio's orders, so that it has such costs at all."""
    return portfolio.account_id is None and portfolio.kind in ON_PAPER


def in_words(model: CostModel) -> str:
    """Return a model in a line: what is charged, how far takers slip, how late orders arrive.

    >>> in_words(CostModel(None, Decimal("7.50"), Decimal(2), Decimal(250), Decimal(100)))
    'maker fee of the venue, taker fee 7.5 bps · slippage 2 bps · 250–350 ms late'
    """
    return " · ".join([_fees(model), f"slippage {canonical(model.slippage_bps)} bps", _latency(model)])


def label_of(portfolio: Portfolio) -> str:
    """Return in words at which costs a portfolio trades on paper; "" for one on an exchange account."""
    return in_words(costs_of(portfolio)) if is_on_paper(portfolio) else ""


def _fees(model: CostModel) -> str:
    maker, taker = (
        "of the venue" if fee is None else f"{canonical(fee)} bps" for fee in (model.maker_fee_bps, model.taker_fee_bps)
    )
    return "fees of the venue" if maker == taker == "of the venue" else f"maker fee {maker}, taker fee {taker}"


def _latency(model: CostModel) -> str:
    least, most = model.latency_ms, model.latency_ms + model.latency_jitter_ms
    if not most:
        return "no latency"
    return f"{least:,} ms late" if least == most else f"{least:,}–{most:,} ms late"
