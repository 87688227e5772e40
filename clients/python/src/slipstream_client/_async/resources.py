"""What is looked at and followed: portfolios, fills, follows, listings, instruments, files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from slipstream_client import models, wire

if TYPE_CHECKING:
    from slipstream_client._async.client import AsyncClient

Id = UUID | str
Form = Literal["arrow", "csv", "ndjson"]


class Resource:
    """Addresses of one subject."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client


class Portfolios(Resource):
    """Books of one's own, and of teams that one belongs to."""

    def each(self, *, page_size: int | None = None) -> AsyncIterator[models.Portfolio]:
        """Yield one's portfolios, newest first."""
        return self._client.each(models.Portfolio, "portfolios/", {"page_size": page_size})

    async def get(self, portfolio: Id) -> models.Portfolio:
        """Return a portfolio with what it is worth now."""
        return await self._client.get(models.Portfolio, f"portfolios/{portfolio}/")

    def positions(self, portfolio: Id) -> AsyncIterator[models.Holding]:
        """Yield what a portfolio holds, or held."""
        return self._client.each(models.Holding, f"portfolios/{portfolio}/positions/", {})

    def ledger(
        self, portfolio: Id, *, kind: str | None = None, account: str | None = None, asset: str | None = None
    ) -> AsyncIterator[models.LedgerLine]:
        """Yield the lines of a portfolio's ledger, newest first."""
        filters = {"kind": kind, "account": account, "asset": asset}
        return self._client.each(models.LedgerLine, f"portfolios/{portfolio}/ledger/", filters)

    async def equity(self, portfolio: Id) -> list[models.EquityPoint]:
        """Return the equity curve, oldest first, in the settlement currency."""
        return wire.many(models.EquityPoint, await self._client.rows(f"portfolios/{portfolio}/equity/"))

    async def risk(self, portfolio: Id) -> models.Risk:
        """Return the limits that bind a portfolio, and what is used of each."""
        return await self._client.get(models.Risk, f"portfolios/{portfolio}/risk/")


class Fills(Resource):
    """Executions."""

    def each(
        self,
        *,
        portfolio: Id | None = None,
        order: Id | None = None,
        instrument: Id | None = None,
        side: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[models.Fill]:
        """Yield fills, newest first."""
        filters = {"portfolio": portfolio, "order": order, "instrument": instrument, "side": side}
        times = {"since": since, "until": until, "page_size": page_size}
        return self._client.each(models.Fill, "fills/", filters | times)

    async def get(self, fill: Id) -> models.Fill:
        """Return a fill."""
        return await self._client.get(models.Fill, f"fills/{fill}/")


class Follows(Resource):
    """What one copies. It starts with `listings.follow`."""

    def each(self, *, state: str | None = None, page_size: int | None = None) -> AsyncIterator[models.Follow]:
        """Yield one's follows, newest first."""
        return self._client.each(models.Follow, "follows/", {"state": state, "page_size": page_size})

    async def get(self, follow: Id) -> models.Follow:
        """Return a follow."""
        return await self._client.get(models.Follow, f"follows/{follow}/")

    async def terms(self) -> models.Terms:
        """Return the terms that `listings.follow` has to accept."""
        return await self._client.get(models.Terms, "follows/terms/")

    async def pause(self, follow: Id) -> models.Follow:
        """Copy no more openings until it is resumed; the lead's exits are still copied."""
        return await self._client.post(models.Follow, f"follows/{follow}/pause/")

    async def resume(self, follow: Id, *, catch_up: bool | None = None) -> models.Follow:
        """Copy again; with `catch_up` what the lead holds meanwhile is bought, too."""
        return await self._client.post(models.Follow, f"follows/{follow}/resume/", wire.body({"catch_up": catch_up}))

    async def stop(self, follow: Id, mode: Literal["CLOSE_NOW", "FOLLOW_EXITS", "KEEP"]) -> models.Follow:
        """End it: sell at once, with the lead's exits, or not at all."""
        return await self._client.post(models.Follow, f"follows/{follow}/stop/", {"mode": mode})

    async def settings(self, follow: Id) -> models.CopySettings:
        """Return how it copies."""
        return await self._client.get(models.CopySettings, f"follows/{follow}/settings/")

    async def change_settings(self, follow: Id, settings: Mapping[str, Any]) -> models.CopySettings:
        """Copy by other settings from now on (docs/copy-trading.md)."""
        path, body = f"follows/{follow}/settings/", wire.body({"settings": settings})
        return models.CopySettings.model_validate_json((await self._client.request("PUT", path, json=body)).content)

    def log(self, follow: Id) -> AsyncIterator[models.LogLine]:
        """Yield what became of each of the lead's events, newest first."""
        return self._client.each(models.LogLine, f"follows/{follow}/log/", {})


class Listings(Resource):
    """The marketplace."""

    def each(self, *, page_size: int | None = None, **filters: Any) -> AsyncIterator[models.FoundListing]:
        """Yield what a search finds; the filters are those of `GET /listings/` (`q="btc"`, `kind=["LIVE"]`, …)."""
        return self._client.each(models.FoundListing, "listings/", filters | {"page_size": page_size})

    async def get(self, listing: Id) -> models.Listing:
        """Return a listing with its record."""
        return await self._client.get(models.Listing, f"listings/{listing}/")

    async def fit(self, listing: Id, *, amount: Decimal | str, multiplier: Decimal | str | None = None) -> models.Fit:
        """Return how well an amount of money could have copied a listing."""
        return await self._client.get(
            models.Fit, f"listings/{listing}/fit/", {"amount": amount, "multiplier": multiplier}
        )

    def reviews(self, listing: Id) -> AsyncIterator[models.Review]:
        """Yield what followers say of a listing."""
        return self._client.each(models.Review, f"listings/{listing}/reviews/", {})

    async def follow(
        self, listing: Id, start: models.FollowStartRequest, *, idempotency_key: str | None = None
    ) -> models.StartedFollow:
        """Copy a listing with money of a portfolio of one's own."""
        return await self._client.post(models.StartedFollow, f"listings/{listing}/follow/", start, idempotency_key)


class Instruments(Resource):
    """What can be traded, and its prices."""

    def each(
        self,
        *,
        search: str | None = None,
        exchange: str | None = None,
        namespace: str | None = None,
        kind: str | None = None,
        base: str | None = None,
        quote: str | None = None,
        state: str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[models.Instrument]:
        """Yield instruments."""
        places = {"search": search, "exchange": exchange, "namespace": namespace, "page_size": page_size}
        filters = {"kind": kind, "base": base, "quote": quote, "state": state}
        return self._client.each(models.Instrument, "instruments/", places | filters)

    async def get(self, instrument: Id) -> models.Instrument:
        """Return an instrument with its rules."""
        return await self._client.get(models.Instrument, f"instruments/{instrument}/")

    async def candles(
        self,
        instrument: Id,
        timeframe: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> list[models.Candle]:
        """Return candles, oldest first."""
        parameters = {"timeframe": timeframe, "start": start, "end": end, "limit": limit}
        return wire.many(models.Candle, await self._client.rows(f"instruments/{instrument}/candles/", parameters))

    async def book(self, instrument: Id, *, depth: int | None = None) -> models.Book:
        """Return the newest order book."""
        return await self._client.get(models.Book, f"instruments/{instrument}/book/", {"depth": depth})


class Exports(Resource):
    """Whole histories as files. `filters` are those of the list; `fields` names columns, with commas between."""

    async def fills(self, target: Path | str, *, form: Form = "arrow", **filters: Any) -> int:
        """Write fills into a file and return its bytes; after a failure there is no file."""
        return await self._save("fills/export/", Path(target), form, filters)

    async def orders(self, target: Path | str, *, form: Form = "arrow", **filters: Any) -> int:
        """Write orders into a file and return its bytes; after a failure there is no file."""
        return await self._save("orders/export/", Path(target), form, filters)

    async def ledger(self, portfolio: Id, target: Path | str, *, form: Form = "arrow", **filters: Any) -> int:
        """Write a portfolio's ledger into a file and return its bytes; after a failure there is no file."""
        return await self._save(f"portfolios/{portfolio}/ledger/export/", Path(target), form, filters)

    def stream(
        self, what: Literal["fills", "orders"], *, form: Form = "arrow", **filters: Any
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file and give its chunks as they come, as a context manager."""
        return self._client.stream(f"{what}/export/", {"format": form, **filters})

    async def _save(self, path: str, target: Path, form: Form, filters: Mapping[str, Any]) -> int:
        with wire.PartFile(target) as file:
            async with self._client.stream(path, {"format": form, **filters}) as chunks:
                async for chunk in chunks:
                    file.write(chunk)
        return file.size
