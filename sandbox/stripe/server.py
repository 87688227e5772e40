"""The processor as a server: keys, idempotency, faults and the shape of answers around the table of calls."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.stripe import forms
from sandbox.stripe.call import Call, shown
from sandbox.stripe.control import Control
from sandbox.stripe.errors import StripeError
from sandbox.stripe.faults import FaultBoard, FaultKind
from sandbox.stripe.pages import Pages
from sandbox.stripe.table import route_of
from sandbox.stripe.webhooks import Deliveries
from sandbox.stripe.world import API_VERSION, PLATFORM, Obj, World

KEY = "sk_test_sandbox"
# Keys for idempotent requests are forgotten after a day.
KEY_SECONDS = 86_400
SECRET = "whsec_sandbox"  # noqa: S105 - everybody may know it: it guards a fake


@dataclass(slots=True)
class _Kept:
    """The answer to a request with an idempotency key."""

    asked: str
    status: int
    body: str
    request: str
    at: int


class StripeServer:
    """Serves one processor on one port."""

    def __init__(self, *, key: str = KEY, secret: str = SECRET, webhook: str = "", seed: int = 1) -> None:
        self.key = key
        self.port = 0
        self.faults = FaultBoard(seed)
        self.deliveries = Deliveries(self.faults, webhook, secret)
        self.world = World()
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._control, self._pages = Control(self), Pages(self)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind (port 0: a free one, then in `port`) and begin to deliver."""
        app = web.Application(client_max_size=1_000_000)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]
        self.deliveries.start()
        self.reset(f"http://{host}:{self.port}")

    async def stop(self) -> None:
        """Stop delivering and close every connection."""
        await self.deliveries.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def reset(self, base: str = "") -> None:
        """Forget everything but the key, the secret and where webhooks go."""
        self.world = World(base or self.world.base)
        self.world.on_event = self.deliveries.send
        self._kept.clear()
        self.faults.switch_off()
        self.deliveries.forget()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.world.run_due()
        if request.path.startswith("/sandbox/"):
            return await self._control.answer(request)
        if not request.path.startswith("/v1/"):
            return await self._pages.answer(request)
        return await self._under_faults(request)

    async def _under_faults(self, request: web.Request) -> web.StreamResponse:
        """Answer a call as the faults of the moment want it."""
        place, draw = f"{request.method} {request.path}", self.faults.draw
        body = await request.text()
        if late := draw(FaultKind.LATENCY, place):
            await asyncio.sleep(late.seconds)
        if error := draw(FaultKind.SERVER_ERROR, place):
            return self._failed(error.status)
        if draw(FaultKind.RATE_LIMIT, place):
            refusal = StripeError(429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
            return web.json_response(refusal.as_json(), status=429)
        answer = self._idempotent(request, body)
        if error := draw(FaultKind.SERVER_ERROR_AFTER, place):
            return self._failed(error.status)
        if held := draw(FaultKind.TIMEOUT_AFTER_ACCEPT, place):
            await asyncio.sleep(held.seconds)
            if request.transport is not None:
                request.transport.abort()
        return answer

    def _failed(self, status: int) -> web.Response:
        error = StripeError(status, "api_error", "An unknown error occurred while processing your request.")
        return web.json_response(error.as_json(), status=status)

    def _idempotent(self, request: web.Request, body: str) -> web.Response:
        """Answer a call; one with an idempotency key that was seen gets the answer of then."""
        name = request.headers.get("Idempotency-Key", "")
        number = f"req_{self.world.new_id('r')[2:16]}"
        if request.method != "POST" or not name:
            status, text = self._carried_out(request, body, number, None)
            return self._sent(request, status, text, number)
        asked = f"{request.path}\n{body}"
        kept = self._kept.get((self._account(request), name))
        if kept is not None and self.world.now() - kept.at >= KEY_SECONDS:
            kept = None
        if kept is not None and kept.asked != asked:
            error = StripeError(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
                f" Try using a key other than '{name}' if you meant to execute a different request.",
            )
            return self._sent(request, 400, json.dumps(error.as_json()), number)
        if kept is not None:
            replayed = {"Idempotent-Replayed": "true", "Original-Request": kept.request}
            return self._sent(request, kept.status, kept.body, number, {**replayed, "Idempotency-Key": name})
        status, text = self._carried_out(request, body, number, name)
        if status in {200, 402}:  # a request that was refused before it began may be sent again, mended
            self._kept[self._account(request), name] = _Kept(asked, status, text, number, self.world.now())
        return self._sent(request, status, text, number, {"Idempotency-Key": name, "Original-Request": number})

    def _carried_out(self, request: web.Request, body: str, number: str, name: str | None) -> tuple[int, str]:
        self.world.request = {"id": number, "idempotency_key": name}
        try:
            self._authenticate(request)
            answer = self._called(request, body)
        except StripeError as error:
            return error.status, json.dumps(error.as_json())
        finally:
            self.world.request = {"id": None, "idempotency_key": None}
        return 200, json.dumps(answer)

    def _called(self, request: web.Request, body: str) -> Obj:
        route, path = route_of(request.method, request.path.rstrip("/"))
        params = forms.parsed(_pairs(request, body))
        expand = forms.listed(params.pop("expand", None), "expand")
        route.check(params)
        call = Call(self.world, path, params, self._account(request))
        if call.account:
            self._check_account(call.account)
        answer = route.handler(call)
        return shown(self.world, answer, expand)

    def _check_account(self, account: str) -> None:
        if account not in self.world.tables.get("account", {}):
            raise StripeError(
                403,
                "invalid_request_error",
                f"The provided key does not have access to account '{account}' (or that account does not exist).",
                code="account_invalid",
            )

    def _account(self, request: web.Request) -> str:
        return str(request.headers.get("Stripe-Account", PLATFORM))

    def _authenticate(self, request: web.Request) -> None:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            value = base64.b64decode(value).decode().partition(":")[0]
        if not value:
            raise StripeError(401, "invalid_request_error", "You did not provide an API key.")
        if value != self.key:
            shown_key = f"{value[:8]}{'*' * 8}{value[-4:]}"
            raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {shown_key}")

    def _sent(
        self, request: web.Request, status: int, text: str, number: str, more: dict[str, str] | None = None
    ) -> web.Response:
        version = request.headers.get("Stripe-Version", API_VERSION)
        headers = {"Request-Id": number, "Stripe-Version": version, **(more or {})}
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _pairs(request: web.Request, body: str) -> list[tuple[str, str]]:
    return [*request.query.items(), *parse_qsl(body, keep_blank_values=True)]
