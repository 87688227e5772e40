"""Webhooks: each event signed as Stripe signs it, sent in order by one worker, and sent again when nobody took it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import hmac
import json
from typing import Any

import aiohttp

from common.clock import wall_now
from sandbox.stripe.faults import FaultBoard, FaultKind
from sandbox.stripe.world import Obj

ATTEMPTS = 8
# The first pause before an event is sent again; each further one is twice as long.
RETRY_SECONDS = 0.1
PATIENCE_SECONDS = 10.0


def signature(payload: str, secret: str, timestamp: int) -> str:
    """Return the header that proves who sent a payload, and when."""
    signed = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


class Deliveries:
    """What was and is to be delivered. `url` may be empty: then events are only stored."""

    def __init__(self, faults: FaultBoard, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self.log: list[dict[str, Any]] = []
        self._faults = faults
        self._queue: asyncio.Queue[tuple[Obj, int]] = asyncio.Queue()
        self._held: Obj | None = None
        self._open = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._worker: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Begin to deliver, on the running loop."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Deliver nothing any more."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    def forget(self) -> None:
        """Drop what waits and what is known of earlier deliveries."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        while not self._queue.empty():
            self._queue.get_nowait()
        self.log.clear()
        self._held, self._open = None, 0
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Return how many deliveries are not finished."""
        return self._open

    def send(self, event: Obj) -> None:
        """Take an event to deliver, as the faults of the moment want it."""
        if not self.url or self._faults.draw(FaultKind.WEBHOOK_LOST, event["type"]):
            return
        if self._held is None and self._faults.draw(FaultKind.WEBHOOK_DISORDER, event["type"]):
            self._held = event
            self._opened()
            return
        self._enter(event)
        if self._faults.draw(FaultKind.WEBHOOK_DUPLICATE, event["type"]):
            self._enter(event)
        held, self._held = self._held, None
        if held is not None:
            self._open -= 1
            self._enter(held)

    def send_held(self) -> None:
        """Let go of an event that waited for one behind it."""
        held, self._held = self._held, None
        if held is not None:
            self._open -= 1
            self._enter(held)

    def _opened(self) -> None:
        self._open += 1
        self._idle.clear()

    def _enter(self, event: Obj) -> None:
        self._opened()
        late = self._faults.draw(FaultKind.WEBHOOK_DELAY, event["type"])
        self._after(late.seconds if late else 0.0, event, 1)

    def _after(self, seconds: float, event: Obj, attempt: int) -> None:
        if seconds <= 0:
            self._queue.put_nowait((event, attempt))
            return
        timer = asyncio.get_running_loop().call_later(seconds, lambda: self._queue.put_nowait((event, attempt)))
        self._timers.add(timer)

    async def idle(self, seconds: float) -> bool:
        """Wait until everything is delivered or given up, and tell whether that came in time."""
        self.send_held()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return self._idle.is_set()

    async def _work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                event, attempt = await self._queue.get()
                taken = await self._post(session, event, attempt)
                if taken or attempt >= ATTEMPTS:
                    event["pending_webhooks"] = 0 if taken else event["pending_webhooks"]
                    self._open = max(0, self._open - 1)
                    if not self._open:
                        self._idle.set()
                else:
                    self._after(RETRY_SECONDS * 2 ** (attempt - 1), event, attempt + 1)

    async def _post(self, session: aiohttp.ClientSession, event: Obj, attempt: int) -> bool:
        entry = {"event": event["id"], "type": event["type"], "attempt": attempt, "status": 0}
        self.log.append(entry)
        if self._faults.draw(FaultKind.WEBHOOK_DROP, event["type"]):
            return False
        payload = json.dumps(copy.deepcopy(event), indent=2)
        stamp = int(wall_now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self.secret, stamp),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with session.post(self.url, data=payload.encode(), headers=headers, allow_redirects=False) as answer:
                status = entry["status"] = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        return 200 <= status < 300
