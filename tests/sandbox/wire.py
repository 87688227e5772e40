"""A plain client for tests: signs requests by hand and reads raw messages, so that nothing is made pretty on the way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp

from common import clock
from sandbox.core.keys import ApiKey

_nonces = itertools.count(int(clock.wall_now().timestamp() * 1000))


def now_ms() -> int:
    return int(clock.wall_now().timestamp() * 1000)


class Wire:
    """One HTTP session to a sandbox; use as an asynchronous context manager."""

    def __init__(self, url: str, key: ApiKey | None = None) -> None:
        self.url = url
        self.key = key

    async def __aenter__(self) -> Wire:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def get(self, path: str) -> tuple[int, Any, dict[str, str]]:
        async with self.session.get(self.url + path) as response:
            return response.status, json.loads(await response.text()), dict(response.headers)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(method, f"{self.url}/sandbox/{path}", json=body) as response:
            return await response.json()

    async def binance(self, name: str, /, **params: Any) -> Any:
        """Ask a signed endpoint ("GET /api/v3/account") and return the body."""
        assert self.key is not None
        method, path = name.split(" ")
        query = urlencode({"timestamp": now_ms(), **params})
        signature = hmac.new(self.key.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        address = f"{self.url}{path}?{query}&signature={signature}"
        async with self.session.request(method, address, headers={"X-MBX-APIKEY": self.key.key}) as response:
            return json.loads(await response.text())

    async def kraken(self, method: str, /, **params: Any) -> Any:
        """Ask a private method and return the body."""
        assert self.key is not None
        path, nonce = f"/0/private/{method}", str(params.pop("nonce", next(_nonces)))
        body = urlencode({"nonce": nonce, **params})
        message = path.encode() + hashlib.sha256((nonce + body).encode()).digest()
        digest = hmac.new(base64.b64decode(self.key.secret), message, hashlib.sha512).digest()
        headers = {
            "API-Key": self.key.key,
            "API-Sign": base64.b64encode(digest).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with self.session.post(f"{self.url}{path}", data=body, headers=headers) as response:
            return json.loads(await response.text())

    async def socket(self, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self.session.ws_connect(self.url.replace("http", "ws", 1) + path, autoping=True)


async def heard(
    socket: aiohttp.ClientWebSocketResponse, wanted: Callable[[Any], bool], seconds: float = 3.0
) -> dict[str, Any]:
    """Return the first message that is wanted; TimeoutError when none comes."""
    async with asyncio.timeout(seconds):
        while True:
            message = json.loads(await socket.receive_str())
            if wanted(message):
                found: dict[str, Any] = message
                return found
