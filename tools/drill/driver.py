"""People at work: orders of every kind, changed, canceled, planned and closed through the API, each asked for until answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import httpx

from engine.decimals import floor_to_step, nearest_tick
from markets.models import Instrument
from tools.drill.people import Cast, Trader
from tools.drill.stage import Stage

D = Decimal
# A client gives up on one answer after this, and asks again under the same name.
_ANSWER_SECONDS = 5.0
_PERSISTS_SECONDS = 120.0
Answer = tuple[int, Any]


@contextmanager
def at_work(drivers: Sequence[Driver]) -> Iterator[None]:
    """Have each act in a thread of its own while the block runs; raises what went wrong there."""
    over = threading.Event()
    with ThreadPoolExecutor(len(drivers), "driver") as pool:
        acting = [pool.submit(driver.act_until, over) for driver in drivers]
        try:
            yield
        finally:
            over.set()
        for one in acting:
            one.result()


@dataclass
class Driver:
    """A trader who asks for one thing after another; what was answered is counted by move and status."""

    stage: Stage
    cast: Cast
    trader: Trader
    random: Random
    answers: Counter[str] = field(default_factory=Counter)
    # Asked again, since no answer came or the site could not give one.
    repeats: int = 0
    # The names of what was asked for, with how many orders the answer held (0: refused).
    keys: dict[str, int] = field(default_factory=dict)
    _prices: dict[str, Decimal] = field(default_factory=dict)

    def act_until(self, over: threading.Event) -> None:
        """Act again and again."""
        while not over.wait(self.random.uniform(0.0, 0.3)):
            self.act()

    def act(self) -> None:
        """Do one thing that somebody could do."""
        instrument = self.random.choice(self.cast.instruments)
        moves: list[tuple[int, Callable[[Instrument], Answer]]] = [
            (6, self._market),
            (5, self._limit),
            (4, self._stop),
            (3, self._bracket),
            (2, self._pair),
            (4, self._cancel),
            (4, self._amend),
            (2 * self.trader.may_plan, self._plan),
            (2, self._close),
        ]
        move = self.random.choices([one for _, one in moves], [weight for weight, _ in moves])[0]
        status, body = move(instrument)
        why = body["code"] if status >= 400 else status
        self.answers[f"{move.__name__.lstrip('_')} {why}"] += 1

    def wind_up(self) -> None:
        """Stop every plan and cancel every order that waits."""
        _, plans = self._ask("GET", f"/plans/?portfolio={self.trader.portfolio}")
        for plan in plans["results"]:
            if plan["state"] not in ("DONE", "STOPPED"):
                self._ask("POST", f"/plans/{plan['id']}/stop/", {})
        self._ask("POST", "/orders/cancel/", {"portfolio": self.trader.portfolio})
        for order in self._waiting():
            self._ask("POST", f"/orders/{order['id']}/cancel/", {})

    # Moves.

    def _market(self, instrument: Instrument) -> Answer:
        side = self._side()
        return self._place(instrument, side=side, quantity=self._quantity(instrument, side))

    def _limit(self, instrument: Instrument) -> Answer:
        price, side = self._near(instrument, 15), self._side()
        terms = {"kind": "LIMIT", "limit_price": price, "time_in_force": self.random.choice(["GTC", "GTC", "IOC"])}
        return self._place(instrument, side=side, quantity=self._quantity(instrument, side), **terms)

    def _stop(self, instrument: Instrument) -> Answer:
        kind = self.random.choice(["STOP", "TAKE_PROFIT", "STOP_LIMIT", "TRAILING_STOP"])
        terms: dict[str, str] = {"kind": kind}
        if kind == "TRAILING_STOP":
            terms["trail_bps"] = "3"
        else:
            terms["trigger_price"] = self._near(instrument, 8)
        if kind == "STOP_LIMIT":
            terms["limit_price"] = self._near(instrument, 8)
        return self._place(instrument, side="SELL", quantity=self._quantity(instrument, "SELL"), **terms)

    def _bracket(self, instrument: Instrument) -> Answer:
        prices = {"stop_price": self._at(instrument, -12), "target_price": self._at(instrument, 12)}
        return self._place(instrument, side="BUY", quantity=self._quantity(instrument), **prices)

    def _pair(self, instrument: Instrument) -> Answer:
        prices = {"limit_price": self._at(instrument, 10), "stop_price": self._at(instrument, -10)}
        wanted = {"side": "SELL", "quantity": self._quantity(instrument, "SELL"), **prices}
        return self._keyed("/orders/pairs/", {"instrument": str(instrument.pk), **wanted})

    def _cancel(self, instrument: Instrument) -> Answer:
        if not (waiting := self._waiting()):
            return self._limit(instrument)
        return self._ask("POST", f"/orders/{self.random.choice(waiting)['id']}/cancel/", {})

    def _amend(self, instrument: Instrument) -> Answer:
        waiting = [order for order in self._waiting() if order["limit_price"]]
        if not waiting:
            return self._limit(instrument)
        order = self.random.choice(waiting)
        traded = next(one for one in self.cast.instruments if str(one.pk) == order["instrument"])
        return self._ask("PATCH", f"/orders/{order['id']}/", {"limit_price": self._near(traded, 15)})

    def _plan(self, instrument: Instrument) -> Answer:
        quantity = D(self._quantity(instrument))
        settings = self.random.choice(
            [
                {"side": "BUY", "quantity": str(3 * quantity), "duration_seconds": "12", "slices": "3"},
                {
                    "side": "BUY",
                    "quantity": str(3 * quantity),
                    "visible": str(quantity),
                    "limit_price": self._at(instrument, 3),
                },
            ]
        )
        wanted = {"kind": "TWAP" if "slices" in settings else "ICEBERG", "settings": settings}
        body = {"portfolio": self.trader.portfolio, "instrument": str(instrument.pk), "key": self._name(), **wanted}
        return self._ask("POST", "/plans/", body)

    def _close(self, instrument: Instrument) -> Answer:
        body = {"portfolio": self.trader.portfolio, "key": self._name()}
        if self.random.random() < 0.7:
            body["instrument"] = str(instrument.pk)
        return self._ask("POST", "/positions/close/", body)

    # Asking.

    def _place(self, instrument: Instrument, **terms: str) -> Answer:
        return self._keyed("/orders/", {"instrument": str(instrument.pk), **terms})

    def _keyed(self, path: str, body: dict[str, str]) -> Answer:
        key = self._name()
        status, answer = self._ask("POST", path, {**body, "portfolio": self.trader.portfolio, "key": key})
        placed = answer if isinstance(answer, list) else [answer]
        self.keys[key] = len(placed) if status == 201 else 0
        return status, answer

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Ask until the site has answered: what was asked for under a name may be asked for again."""
        deadline = time.monotonic() + _PERSISTS_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = httpx.request(
                    method,
                    f"{self.stage.web}/api/v1{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.trader.token}"},
                    timeout=_ANSWER_SECONDS,
                )
            except httpx.HTTPError:
                pass
            else:
                if answer.status_code < 500:
                    return answer.status_code, answer.json()
            self.repeats += 1
            time.sleep(0.3)
        raise TimeoutError(f"{method} {path} was not answered within {_PERSISTS_SECONDS:.0f} s")

    def _waiting(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for state in ("OPEN", "PARTIALLY_FILLED"):
            _, answer = self._ask("GET", f"/orders/?portfolio={self.trader.portfolio}&state={state}")
            found += answer["results"]
        return found

    # Figures.

    def _name(self) -> str:
        return f"drill-{self.random.getrandbits(64):016x}"

    def _side(self) -> str:
        return self.random.choice(["BUY", "BUY", "SELL"])

    def _quantity(self, instrument: Instrument, side: str = "BUY") -> str:
        """Return some 100 to 400 units of quote in whole lots; less of what is sold, so that it is there."""
        worth = D(self.random.randint(100, 400) if side == "BUY" else self.random.randint(20, 120))
        return str(floor_to_step(worth / self._price(instrument), instrument.lot_step))

    def _near(self, instrument: Instrument, most_bps: int) -> str:
        return self._at(instrument, self.random.randint(-most_bps, most_bps))

    def _at(self, instrument: Instrument, bps: int) -> str:
        """Return a price so many basis points from the market's, in whole ticks."""
        wanted = self._price(instrument) * (1 + D(bps) / 10_000)
        return str(nearest_tick(wanted.quantize(D("1E-8"), ROUND_HALF_UP), instrument.tick_size))

    def _price(self, instrument: Instrument) -> Decimal:
        """Return the venue's newest price, or the last that was heard while it is away."""
        symbol = instrument.gateway_symbol.replace("/", "")
        try:
            answer = httpx.get(f"{self.stage.exchange}/sandbox/status?venue=binance", timeout=2).json()
            self._prices.update({name: D(price) for name, price in answer["binance"]["prices"].items()})
        except (httpx.HTTPError, ValueError):
            pass
        return self._prices[symbol]
