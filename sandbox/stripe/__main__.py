"""Run a payment processor: `python -m sandbox.stripe --port 12111 --webhook http://127.0.0.1:8000/webhooks/stripe/`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from sandbox.process import serve_until_ended
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
    await serve_until_ended(
        server,
        options.host,
        options.port,
        say=lambda: _say(server, options),
        end_with_stdin=options.end_with_stdin,
    )


def _say(server: StripeServer, options: argparse.Namespace) -> None:
    sys.stdout.write(f"Payment processor at http://{options.host}:{server.port} with the key {options.key}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_parser().parse_args()))
