"""Run a payment processor: `python -m sandbox.stripe --port 12111 --webhook http://127.0.0.1:8000/webhooks/stripe/`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading

from sandbox.stripe.server import KEY, SECRET, StripeServer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--webhook", default="", metavar="URL", help="where events are sent")
    parser.add_argument("--secret", default=SECRET, help="that webhooks are signed with")
    parser.add_argument("--key", default=KEY, help="the API key that is let in")
    parser.add_argument("--seed", type=int, default=1, help="of faults")
    parser.add_argument(
        "--end-with-stdin", action="store_true", help="end when standard input does: with the process that started this"
    )
    return parser


async def _run(options: argparse.Namespace) -> None:
    server = StripeServer(key=options.key, secret=options.secret, webhook=options.webhook, seed=options.seed)
    try:
        await server.start(options.host, options.port)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise SystemExit(
            f"Port {options.port} on {options.host} cannot be used ({why}): stop what uses it, or choose another."
        ) from error
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if options.end_with_stdin:
        threading.Thread(target=_await_end_of_input, args=(loop, ended), daemon=True).start()
    sys.stdout.write(f"Payment processor at http://{options.host}:{server.port} with the key {options.key}\n")
    sys.stdout.flush()
    try:
        await ended.wait()
    finally:
        await server.stop()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_parser().parse_args()))
