"""The processor's own endpoints, beside Stripe's: /sandbox/status, faults, advance, webhooks, disputes, events, reset."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.stripe import checkout, connect, disputes, payments
from sandbox.stripe.errors import StripeError
from sandbox.stripe.faults import parsed
from sandbox.stripe.world import PLATFORM

if TYPE_CHECKING:
    from sandbox.stripe.server import StripeServer

Body = dict[str, Any]
DRAIN_SECONDS = 20.0


class Control:
    """Moves time, switches faults, and does what people outside would do. Every body and answer is JSON."""

    def __init__(self, server: StripeServer) -> None:
        self._server = server

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request below /sandbox/; 400 says what is wrong with it."""
        handlers: dict[tuple[str, str], Callable[[Body], object]] = {
            ("GET", "status"): self._status,
            ("GET", "events"): lambda body: self._events(),
            ("GET", "deliveries"): lambda body: self._server.deliveries.log,
            ("GET", "faults"): lambda body: [fault.as_json() for fault in self._server.faults.listed()],
            ("POST", "faults"): lambda body: self._server.faults.switch_on(parsed(body)).as_json(),
            ("DELETE", "faults"): self._switch_off,
            ("POST", "advance"): self._advance,
            ("POST", "webhooks"): self._point,
            ("POST", "redeliver"): self._redeliver,
            ("POST", "disputes"): self._open_dispute,
            ("POST", "disputes/close"): self._close_dispute,
            ("POST", "refunds/fail"): self._fail_refund,
            ("POST", "checkout"): self._check_out,
            ("POST", "onboard"): self._onboard,
            ("POST", "payouts/fail"): self._fail_payout,
            ("POST", "options"): self._set_options,
            ("POST", "reset"): self._reset,
        }
        waiting: dict[tuple[str, str], Callable[[Body], Awaitable[object]]] = {("POST", "drain"): self._drain}
        place = (request.method, request.path.removeprefix("/sandbox/").rstrip("/"))
        if place not in handlers and place not in waiting:
            return web.json_response({"error": "no such endpoint"}, status=404)
        try:
            text = await request.text()
            body = {**request.query, **(json.loads(text) if text else {})}
            return web.json_response(await waiting[place](body) if place in waiting else handlers[place](body))
        except StripeError as error:
            return web.json_response(error.as_json(), status=error.status)
        except (ValueError, TypeError, KeyError) as error:
            return web.json_response({"error": str(error)}, status=400)

    def _status(self, body: Body) -> object:
        world, deliveries = self._server.world, self._server.deliveries
        counts = {kind: len(table) for kind, table in world.tables.items()}
        return {"now": world.now(), "objects": counts, "undelivered": deliveries.waiting, "webhook": deliveries.url}

    def _events(self) -> object:
        return list(self._server.world.tables.get("event", {}).values())

    def _switch_off(self, body: Body) -> object:
        return self._server.faults.switch_off(int(body["id"]) if "id" in body else None)

    def _advance(self, body: Body) -> object:
        done = self._server.world.advance(int(body["seconds"]))
        return {"now": self._server.world.now(), "done": done}

    def _point(self, body: Body) -> object:
        deliveries = self._server.deliveries
        deliveries.url = str(body.get("url", deliveries.url))
        deliveries.secret = str(body.get("secret", deliveries.secret))
        return {"url": deliveries.url}

    def _redeliver(self, body: Body) -> object:
        event = self._server.world.tables["event"][body["event"]]
        self._server.deliveries.send(event)
        return {"event": event["id"]}

    async def _drain(self, body: Body) -> object:
        seconds = float(body.get("seconds", DRAIN_SECONDS))
        return {"idle": await self._server.deliveries.idle(seconds)}

    def _open_dispute(self, body: Body) -> object:
        world = self._server.world
        charge = world.get("charge", body["charge"], account=body.get("account", PLATFORM), param="charge")
        return disputes.open_dispute(world, charge, body.get("reason", "fraudulent"))

    def _close_dispute(self, body: Body) -> object:
        world = self._server.world
        dispute = world.get("dispute", body["dispute"], account=body.get("account", PLATFORM), param="dispute")
        return disputes.close_dispute(world, dispute, body["outcome"])

    def _fail_refund(self, body: Body) -> object:
        world = self._server.world
        return payments.fail_refund(world, world.get("refund", body["refund"], param="refund"))

    def _check_out(self, body: Body) -> object:
        world = self._server.world
        session = world.get("checkout.session", body.pop("session"), param="session")
        return checkout.complete(world, session, {"number": "4242424242424242", **body})

    def _onboard(self, body: Body) -> object:
        return connect.onboard(self._server.world, {"account": body["account"]})

    def _fail_payout(self, body: Body) -> object:
        self._server.world.hidden.setdefault(body.get("account", PLATFORM), {})["payout_fails"] = True
        return {"fails": True}

    def _set_options(self, body: Body) -> object:
        unknown = set(body) - {"after_retries", "platform_payouts"}
        if unknown:
            raise ValueError(f"There is no option {', '.join(sorted(unknown))}.")
        self._server.world.options.update({name: str(value) for name, value in body.items()})
        return self._server.world.options

    def _reset(self, body: Body) -> object:
        self._server.reset()
        return {"reset": True}
