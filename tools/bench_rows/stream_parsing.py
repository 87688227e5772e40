"""What the library needs to read a venue's messages, beside what we need for what they say."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_least, row
from tools.bench_rows.alerting import tick_path

ROOT = Path(__file__).resolve().parent.parent.parent
INSTRUMENTS, MESSAGES = 1_000, 30_000

# As text, as it comes out of the socket. Without a network: markets are made, and nobody waits for what is read.
_READING = """
import asyncio, json, sys, time
import ccxt.pro
import django
django.setup()
from common import clock
from markets.gateway import normalise
from markets.gateway.client import library_client
from markets.gateway.protocol import Connection

INSTRUMENTS, MESSAGES = int(sys.argv[1]), int(sys.argv[2])
URL, AT = "wss://stream.binance.com:9443/ws/0", 1700000000000

def market(venue, n):
    return venue.safe_market_structure({"id": f"C{n}USDT", "symbol": f"C{n}/USDT", "base": f"C{n}", "quote": "USDT",
            "type": "spot", "spot": True,
            "precision": {"price": "0.01", "amount": "0.001"}, "active": True})

def trade(n):
    return {"e": "trade", "E": AT + n, "s": f"C{n % INSTRUMENTS}USDT", "t": n, "p": f"{100 + n % 7}.25000000",
            "q": "0.12300000", "T": AT + n, "m": n % 2 == 0, "M": True}

def ticker(n):
    return {"e": "24hrTicker", "E": AT + n, "s": f"C{n % INSTRUMENTS}USDT", "p": "1.25000000", "P": "1.250",
            "w": "100.50000000", "x": "99.00000000", "c": f"{100 + n % 7}.25000000", "Q": "0.12300000", "b": "100.20000000",
            "B": "3.00000000", "a": "100.30000000", "A": "2.00000000", "o": "99.00000000", "h": "110.00000000",
            "l": "90.00000000", "v": "17351.11900000", "q": "1733204.07039940", "O": AT - 86400000 + n, "C": AT + n,
            "F": 1, "L": 100000 + n, "n": 100000}

def our_trade(venue, n):
    normalise.public_trade(venue.trades[f"C{n % INSTRUMENTS}/USDT"][-1])

def our_ticker(venue, n):
    normalise.ticker(venue.tickers[f"C{n % INSTRUMENTS}/USDT"], clock.wall_now())

def speed(venue, message, ours=None):
    texts = [json.dumps(message(n)) for n in range(MESSAGES)]
    socket = venue.client(URL)
    begun = time.process_time()
    for n, text in enumerate(texts):
        socket.handle_text_or_binary_message(text)
        if ours is not None:
            ours(venue, n)
    return MESSAGES / (time.process_time() - begun)

async def main():
    plain, dressed = ccxt.pro.binance(), library_client(Connection("binance"), None, streams=True)
    for venue in (plain, dressed):
        venue.set_markets([market(venue, n) for n in range(INSTRUMENTS)])
    found = [speed(plain, trade), speed(plain, ticker), speed(dressed, trade, our_trade),
             speed(dressed, ticker, our_ticker)]
    assert len(plain.trades) == len(dressed.tickers) == INSTRUMENTS
    await plain.close()
    await dressed.close()
    print(*found)

asyncio.run(main())
"""


@row(
    "stream_parsing",
    what="the tick path beside ccxt.pro's own parsing of Binance's trades, one core",
    unit="messages/s",
    target=at_least(1, of="ratio"),
)
def stream_parsing(environment: Mapping[str, str]) -> Measurement:
    """Messages as text into an unmodified client, processor time; the tick path is measured in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", _READING, str(INSTRUMENTS), str(MESSAGES)]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the messages were not read: {done.stderr.strip()[-600:]}")
    trades, tickers, our_trades, our_tickers = (float(word) for word in done.stdout.split())
    note = (
        f"ccxt.pro parses {trades:,.0f} trades/s and {tickers:,.0f} tickers/s;"
        f" with our exact reading of them {our_trades:,.0f} and {our_tickers:,.0f}"
    )
    return Measurement(tick_path(environment).values, peer=trades, note=note)
