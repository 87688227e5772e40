"""The sandbox's own endpoints, beside the dialects: /sandbox/faults, /sandbox/accounts, /sandbox/status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from sandbox.core.keys import Permission
from sandbox.core.orders import Order
from sandbox.faults import parsed
from sandbox.venue import READ_AND_TRADE, Venue


class Control:
    """Switches faults and opens accounts over HTTP. Every body and answer is JSON; `venue` names the venue meant."""

    def __init__(self, venues: Mapping[str, Venue]) -> None:
        self._venues = venues

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a request below /sandbox/; 400 says what is wrong with it."""
        handlers = {
            ("GET", "/sandbox/faults"): self._list_faults,
            ("POST", "/sandbox/faults"): self._switch_on,
            ("DELETE", "/sandbox/faults"): self._switch_off,
            ("POST", "/sandbox/accounts"): self._open_account,
            ("GET", "/sandbox/accounts"): self._shown_account,
            ("GET", "/sandbox/status"): self._status,
        }
        handler = handlers.get((request.method, path.rstrip("/")))
        if handler is None:
            return web.json_response({"error": "no such endpoint"}, status=404)
        try:
            text = await request.text()
            body = {**request.query, **(json.loads(text) if text else {})}
            return web.json_response(handler(body))
        except (ValueError, TypeError, KeyError, InvalidOperation) as error:
            return web.json_response({"error": str(error)}, status=400)

    def _meant(self, body: dict[str, Any]) -> list[Venue]:
        name = body.pop("venue", None)
        if name is None:
            return list(self._venues.values())
        if name not in self._venues:
            raise ValueError(f"There is no venue {name!r}; choose one of {', '.join(self._venues)}.")
        return [self._venues[name]]

    def _list_faults(self, body: dict[str, Any]) -> object:
        return {venue.name: [fault.as_json() for fault in venue.faults.listed()] for venue in self._meant(body)}

    def _switch_on(self, body: dict[str, Any]) -> object:
        return {venue.name: venue.faults.switch_on(parsed(body)).as_json() for venue in self._meant(body)}

    def _switch_off(self, body: dict[str, Any]) -> object:
        fault_id = int(body["id"]) if "id" in body else None
        return {venue.name: venue.faults.switch_off(fault_id) for venue in self._meant(body)}

    def _open_account(self, body: dict[str, Any]) -> object:
        """Open an account and return a key per venue.

        {"account", "spot": {asset: amount}, "futures": {…}, "permissions": ["READ", …], "addresses": […]}
        """
        account = str(body.get("account") or "demo")
        permissions = frozenset(Permission(name) for name in body.get("permissions", READ_AND_TRADE))
        addresses = frozenset(str(one) for one in body.get("addresses", ()))
        made = {}
        for venue in self._meant(body):
            venue.open_account(account, _amounts(body.get("spot")), _amounts(body.get("futures")))
            key = venue.issue_key(account, permissions, addresses)
            made[venue.name] = {"key": key.key, "secret": key.secret}
        return made

    def _shown_account(self, body: dict[str, Any]) -> object:
        """Return the truth about an account on the spot side of each venue: balances, and every order with its fills."""
        account = str(body["account"])
        return {
            venue.name: {
                "balances": {
                    asset: str(held.total) for asset, held in venue.spot.books.balances(account).items() if held.total
                },
                "orders": [_shown(order) for order in venue.spot.exchange.orders(account)],
            }
            for venue in self._meant(body)
        }

    def _status(self, body: dict[str, Any]) -> object:
        return {
            venue.name: {
                "server_ms": venue.clock.server_ms(),
                "market_ms": venue.clock.market_ms(),
                "speed": venue.clock.speed,
                "prices": {
                    symbol: str(venue.spot.exchange.last_price(symbol)) for symbol in venue.spot.exchange.instruments
                },
            }
            for venue in self._meant(body)
        }


def _shown(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.id),
        "client_id": order.client_id,
        "symbol": order.symbol,
        "status": str(order.status),
        "created_ms": order.created_ms,
        "filled": str(order.filled),
        "fills": [
            {
                "id": str(fill.trade_id),
                "price": str(fill.price),
                "quantity": str(fill.quantity),
                "fee": str(fill.fee),
                "fee_asset": fill.fee_asset,
            }
            for fill in order.fills
        ],
    }


def _amounts(given: Mapping[str, object] | None) -> dict[str, Decimal]:
    amounts = {asset: Decimal(str(amount)) for asset, amount in (given or {}).items()}
    if not all(amount.is_finite() and amount >= 0 for amount in amounts.values()):
        raise ValueError("Amounts are numbers from 0 on.")
    return amounts
