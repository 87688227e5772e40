"""The client: one connection pool, one token, refusals as exceptions, and requests that are sent again where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from slipstream_client import models, wire
from slipstream_client._async.live import live_messages
from slipstream_client._async.resources import Exports, Fills, Follows, Instruments, Listings, Portfolios
from slipstream_client._async.trading import Backtests, Orders, Strategies
from slipstream_client.base import Model
from slipstream_client.errors import ApiError, NoAnswer, error_of
from slipstream_client.live import LiveMessage
from slipstream_client.retrying import Retries

M = TypeVar("M", bound=Model)
API = "/api/v1/"


class AsyncClient:
    """A Slipstream site, seen with one API token.

    `base_url` is the site's address ("https://slipstream.example"), `token` an API token ("slip_…"), None for what is
    public. `timeout_seconds` limits each step of one attempt; `transport` is for tests. Use it as a context manager, or
    close it. Every method raises `ApiError` (its subclasses by status) for a refusal, `NoAnswer` where none came.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_seconds: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token, self._retries = token, retries or Retries()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers["User-Agent"] = "slipstream-client/0.1"
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout_seconds, transport=transport)
        self.portfolios = Portfolios(self)
        self.orders = Orders(self)
        self.fills = Fills(self)
        self.follows = Follows(self)
        self.listings = Listings(self)
        self.instruments = Instruments(self)
        self.strategies = Strategies(self)
        self.backtests = Backtests(self)
        self.exports = Exports(self)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def me(self) -> models.Person:
        """Return whom the token belongs to."""
        return await self.get(models.Person, "me/")

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        """Ask any address of the API (`path` without "/api/v1/") and return its answer, or raise.

        A POST carries an `Idempotency-Key`, `idempotency_key` or one of its own, so that it can be sent again. Name one
        where your own program may die and do the same again.
        """
        return await self._send(method, API + path, params or {}, json, idempotency_key, is_streamed=False)

    def live(self, *topics: str) -> AsyncGenerator[LiveMessage, None]:
        """Yield what is told of topics ("portfolio:<id>", "prices:<namespace>", …), each topic's snapshot first.

        Where the connection ends it is opened again by itself, and every topic begins with a new snapshot. Close it, as
        `contextlib.aclosing` does, when you have heard enough. Raises
        `TopicRefused` for a topic that is not yours to hear, `LiveClosed` where the token is not, or no longer, valid.
        """
        return live_messages(self.base_url, self._token, topics, self._retries)

    # What the resources are made of.

    async def get(self, model: type[M], path: str, params: Mapping[str, Any] | None = None) -> M:
        """Return the object at an address."""
        return model.model_validate_json((await self.request("GET", path, params=params)).content)

    async def post(self, model: type[M], path: str, json: Any = None, idempotency_key: str | None = None) -> M:
        """Do something, and return the object that it made or changed."""
        answer = await self.request("POST", path, json=json, idempotency_key=idempotency_key)
        return model.model_validate_json(answer.content)

    async def rows(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return an answer's JSON as it is."""
        return (await self.request("GET", path, params=params)).json()

    async def each(self, model: type[M], path: str, params: Mapping[str, Any]) -> AsyncIterator[M]:
        """Yield the objects of a list, page by page, each asked for when it is needed."""
        answer = await self.request("GET", path, params=params)
        while True:
            page = answer.json()
            for row in page["results"]:
                yield model.model_validate(row)
            if not page["next"]:
                return
            answer = await self._send("GET", wire.same_site(page["next"]), {}, None, None, is_streamed=False)

    @asynccontextmanager
    async def stream(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a file of any length and give its chunks as they come; one that breaks off raises NoAnswer."""
        answer = await self._send("GET", API + path, params, None, None, is_streamed=True)
        try:
            yield answer.aiter_bytes()
        except httpx.TransportError as error:
            raise NoAnswer(f"The file broke off: {error!r}") from error
        finally:
            await answer.aclose()

    async def _send(
        self, method: str, path: str, params: Mapping[str, Any], json: Any, key: str | None, *, is_streamed: bool
    ) -> httpx.Response:
        headers = wire.own_headers(method, key)
        address, found = self.base_url + path, wire.query(params) or None  # an empty one would wipe the address's own
        asked = self._http.build_request(method, address, params=found, json=wire.text(json), headers=headers)
        attempt = 0
        while True:
            attempt += 1
            refusal: ApiError | None = None
            cause: Exception | None = None
            after = ""
            try:
                answer = await self._http.send(asked, stream=is_streamed)
                if answer.is_success:
                    return answer
                refusal, after = await self._refusal(answer), answer.headers.get("Retry-After", "")
            except httpx.TransportError as error:
                cause = error
            pause = self._retries.pause(attempt, method, headers, refusal, after)
            if pause < 0:
                raise refusal or NoAnswer(f"{method} {path}: {cause!r}") from cause
            await asyncio.sleep(pause)

    async def _refusal(self, answer: httpx.Response) -> ApiError:
        content = await answer.aread()
        await answer.aclose()
        return error_of(answer.status_code, content, answer.headers.get("X-Request-ID", ""))
