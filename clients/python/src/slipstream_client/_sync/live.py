# Made of its twin in _async by `python -m tools.client_models`.
"""The live connection: topics in, messages out, opened again by itself."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from slipstream_client import live
from slipstream_client.errors import LiveClosed
from slipstream_client.live import LiveMessage, LiveUnavailable
from slipstream_client.retrying import Retries


def live_messages(
    base_url: str, token: str | None, topics: Sequence[str], retries: Retries
) -> Generator[LiveMessage, None, None]:
    """Yield the messages of topics, without an end; how often it connects anew is not limited, only how fast."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    heard = live.Heard()
    failures = 0
    while True:
        try:
            with connect(
                live.address_of(base_url), additional_headers=headers, max_size=live.MAX_FRAME_BYTES
            ) as socket:
                for words in live.subscriptions(topics, heard):
                    socket.send(words)
                while True:
                    message = live.read(socket.recv(), heard)
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
        time.sleep(retries.backoff(failures))
