"""What happens to every request on its way to a dialect: latency, maintenance, errors, and answers that never arrive."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import web

from sandbox.faults import FaultBoard, FaultKind
from sandbox.venue import Venue


class Dialect(Protocol):
    """One venue's way of talking. Paths come without the host name that may stand before them."""

    venue: Venue
    # The end of its host names.
    domain: str

    def speaks(self, path: str) -> bool:
        """Tell whether a path is of this dialect."""

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a REST request."""

    async def converse(self, request: web.Request, host: str, path: str) -> web.StreamResponse:
        """Serve a WebSocket."""

    def out_of_service(self) -> web.Response:
        """Return what the venue says during maintenance."""


async def serve(dialect: Dialect, request: web.Request, host: str, path: str) -> web.StreamResponse:
    """Serve a request under the venue's faults."""
    faults = dialect.venue.faults
    place = f"{request.method} {path}"
    if delay := faults.draw(FaultKind.LATENCY, place):
        await asyncio.sleep(delay.seconds)
    if faults.draw(FaultKind.MAINTENANCE, place):
        return dialect.out_of_service()
    if error := faults.draw(FaultKind.SERVER_ERROR, place):
        return web.Response(
            status=error.status, text="<html><body>upstream error</body></html>", content_type="text/html"
        )
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await dialect.converse(request, host, path)
    response = await dialect.answer(request, path)
    return await _perhaps_lost(faults, request, place, response)


async def _perhaps_lost(
    faults: FaultBoard, request: web.Request, place: str, response: web.Response
) -> web.StreamResponse:
    """Lose the answer to a request that was carried out."""
    held = faults.draw(FaultKind.TIMEOUT_AFTER_ACCEPT, place)
    if held is not None:
        await asyncio.sleep(held.seconds)
    if (held or faults.draw(FaultKind.DROPPED_RESPONSE, place)) and request.transport is not None:
        request.transport.abort()
    return response
