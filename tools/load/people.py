"""The people: each acts every 5 to 15 seconds, four times out of five by reading; some keep a socket open beside it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PAUSE_SECONDS = (5.0, 15.0)
ORDER_SHARE = 0.2
SOCKET_EVERY_SECONDS = 1.0
# Who waited longer has not been served.
GIVE_UP_SECONDS = 20.0
# As a proxy in front of the site holds them: fewer than people, and let go before the server does (30 s).
CONNECTIONS, IDLE_SECONDS = 200, 15
QUANTITY = "0.001"


class Act(Enum):
    """What is timed."""

    READ = "read"
    ORDER = "order"
    SOCKET = "socket"


@dataclass(frozen=True)
class Member:
    """Somebody by their token and their portfolio's id."""

    token: str
    portfolio: str


@dataclass
class Figures:
    """How long they waited, in seconds, and what failed."""

    seconds: float
    waits: dict[Act, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.count(Act.READ) + self.count(Act.ORDER)

    def count(self, act: Act) -> int:
        """Return how many were answered as they should be."""
        return len(self.waits[act])

    def p95(self) -> float:
        """Return what 95 of 100 requests did not wait longer for."""
        return at(0.95, self.waits[Act.READ] + self.waits[Act.ORDER])

    def ms(self, share: float, act: Act) -> int:
        """Return a percentile in milliseconds."""
        return round(at(share, self.waits[act]) * 1000)

    def failures(self) -> list[str]:
        """Return what failed; that nobody was answered is a failure, too."""
        return self.errors if self.requests else [*self.errors, "nothing was answered"]


def at(share: float, waits: Sequence[float]) -> float:
    """Return the smallest wait that so large a share does not exceed; 0 where nobody waited."""
    ordered = sorted(waits)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass
class Visit:
    """What all have in common who come."""

    client: aiohttp.ClientSession
    sockets: str
    instrument: str
    figures: Figures
    ends_at: float

    async def act(self, member: Member, random: Random) -> None:
        """Read or order, again and again; the first time somewhere in the time that one pauses at most."""
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS[1]))
        while time.monotonic() < self.ends_at:
            if random.random() < ORDER_SHARE:
                await self._order(member, random)
            else:
                await self._read(member, random)
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))

    async def watch(self, member: Member, random: Random) -> None:
        """Keep a socket open on one's portfolio, and say something every second that must be answered."""
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS[0]))
        headers = {"Authorization": f"Bearer {member.token}"}
        try:
            async with connect(f"{self.sockets}/ws/live/", additional_headers=headers) as socket:
                topics = [f"portfolio:{member.portfolio}"]
                await socket.send(json.dumps({"type": "subscribe", "topics": topics}))
                while time.monotonic() < self.ends_at:
                    began = time.monotonic()
                    await socket.send('{"type":"ping"}')
                    async with asyncio.timeout(GIVE_UP_SECONDS):
                        while (told := json.loads(await socket.recv()))["type"] != "pong":
                            if told["type"] == "error":
                                self.figures.errors.append(f"socket: {told}")
                    waited = time.monotonic() - began
                    self.figures.waits[Act.SOCKET].append(waited)
                    await asyncio.sleep(max(0.0, SOCKET_EVERY_SECONDS - waited))
        except (OSError, TimeoutError, WebSocketException) as error:
            self.figures.errors.append(f"socket: {type(error).__name__}: {error}")

    async def _read(self, member: Member, random: Random) -> None:
        mine = member.portfolio
        path = random.choices(
            [
                "/portfolios/",
                f"/portfolios/{mine}/positions/",
                f"/portfolios/{mine}/ledger/",
                f"/portfolios/{mine}/equity/",
                f"/orders/?portfolio={mine}",
                "/fills/",
                "/tickers/",
                "/instruments/",
                "/notifications/",
                "/listings/",
            ],
            [4, 4, 1, 2, 4, 3, 3, 1, 2, 1],
        )[0]
        await self._timed(Act.READ, "GET", path, member, 200)

    async def _order(self, member: Member, random: Random) -> None:
        body = {"portfolio": member.portfolio, "instrument": self.instrument, "side": "BUY", "quantity": QUANTITY}
        key = f"load-{random.getrandbits(96):024x}"
        await self._timed(Act.ORDER, "POST", "/orders/", member, 201, body, {"Idempotency-Key": key})

    async def _timed(
        self,
        act: Act,
        method: str,
        path: str,
        member: Member,
        expected: int,
        body: dict[str, str] | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {member.token}", **(more or {})}
        began = time.monotonic()
        try:
            async with self.client.request(method, f"/api/v1{path}", json=body, headers=headers) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.figures.errors.append(f"{method} {path}: {type(error).__name__}: {error}")
            return
        if answer.status == expected:
            self.figures.waits[act].append(time.monotonic() - began)
        else:
            self.figures.errors.append(f"{method} {path}: {answer.status} {text[:200]}")


async def people(
    web: str, sockets: str, members: Sequence[Member], instrument: str, seed: int, seconds: float, watching: int
) -> Figures:
    """Let them all act for so long, each `watching`-th with a socket; return what they found."""
    figures = Figures(seconds)
    # (httpx looks at every connection for each request: with so many it took a core, and the site waited for it.)
    held = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=IDLE_SECONDS)
    patience = aiohttp.ClientTimeout(total=GIVE_UP_SECONDS)
    async with aiohttp.ClientSession(web, connector=held, timeout=patience) as client:
        visit = Visit(client, sockets, instrument, figures, time.monotonic() + seconds)
        async with asyncio.TaskGroup() as group:
            for number, member in enumerate(members):
                group.create_task(visit.act(member, Random(f"{seed} {number}")))
                if number % watching == 0:
                    group.create_task(visit.watch(member, Random(f"{seed} {number} socket")))
    return figures
