"""The live connection: topics in, messages out, opened again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from slipstream_client import live
from slipstream_client.errors import LiveClosed
from slipstream_client.live import LiveMessage, LiveUnavailable
from slipstream_client.retrying import Retries


async def live_messages(
    base_url: str, token: str | None, topics: Sequence[str], retries: Retries
) -> AsyncGenerator[LiveMessage, None]:
    """Yield the messages of topics, without an end; how often it connects anew is not limited, only how fast."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    heard = live.Heard()
    failures = 0
    while True:
        try:
            async with connect(
                live.address_of(base_url), additional_headers=headers, max_size=live.MAX_FRAME_BYTES
            ) as socket:
                for words in live.subscriptions(topics, heard):
                    await socket.send(words)
                while True:
                    message = live.read(await socket.recv(), heard)
                    failures = 0
                    if message is not None:
                        yield message
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                live.after_close(closed.rcvd.code, closed.rcvd.reason, heard)
        except InvalidStatus as refused:
            if refused.response.status_code < 500 and refused.response.status_code != 429:
                raise LiveClosed(refused.response.status_code, "The socket was refused.") from refused
        except (OSError, InvalidHandshake, LiveUnavailable):  # a timeout is an OSError, too
            pass
        failures += 1
        await asyncio.sleep(retries.backoff(failures))
