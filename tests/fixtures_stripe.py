"""The payment processor of the tests: one process for all of them, empty for each, and a receiver for its webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class StripeSandbox:
    """A running processor: what a client needs to know of it, and its switches. `deliver_to` says where webhooks go."""

    base: str
    key: str = "sk_test_sandbox"
    secret: str = "whsec_sandbox"

    def client(self, *, retries: int = 0) -> stripe.StripeClient:
        """Return an unmodified client of the SDK, pointed here."""
        return stripe.StripeClient(self.key, base_addresses={"api": self.base}, max_network_retries=retries)

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Call /sandbox/<path> and return its answer; an error is raised with what it says."""
        data = json.dumps(body).encode() if method != "GET" else None
        request = urllib.request.Request(f"{self.base}/sandbox/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}: {error.read().decode()}") from error

    def status(self) -> dict[str, Any]:
        """Return its time, how many objects it has, and how many deliveries are open."""
        found: dict[str, Any] = self.control("GET", "status")
        return found

    def advance(self, *, days: float = 0, hours: float = 0, seconds: int = 0) -> None:
        """Move its time forward."""
        self.control("POST", "advance", seconds=int(days * 86_400 + hours * 3600) + seconds)

    def fault(self, kind: str, **more: Any) -> None:
        """Switch a fault on: `where`, `count`, `seconds`, `status`, `probability`."""
        self.control("POST", "faults", kind=kind, **more)

    def no_faults(self) -> None:
        """Switch all faults off."""
        self.control("DELETE", "faults")

    def deliver_to(self, url: str) -> None:
        """Have webhooks sent there from now on."""
        self.control("POST", "webhooks", url=url)

    def drain(self) -> None:
        """Wait until every webhook is delivered or given up."""
        assert self.control("POST", "drain") == {"idle": True}

    def check_out(self, session: str, **form: str) -> dict[str, Any]:
        """Fill in the page of a checkout session as a person would: `number`, `email`, `country`, `code`."""
        done: dict[str, Any] = self.control("POST", "checkout", session=session, **form)
        return done

    def onboard(self, account: str) -> None:
        """Answer Stripe's questions for a connected account."""
        self.control("POST", "onboard", account=account)

    def dispute(self, charge: str, reason: str = "fraudulent") -> dict[str, Any]:
        """Have a payer dispute a charge."""
        opened: dict[str, Any] = self.control("POST", "disputes", charge=charge, reason=reason)
        return opened

    def close_dispute(self, dispute: str, outcome: str) -> None:
        """Decide a dispute: won or lost, from the platform's side."""
        self.control("POST", "disputes/close", dispute=dispute, outcome=outcome)

    def fail_refund(self, refund: str) -> None:
        """Have a buyer's bank refuse a refund that had succeeded."""
        self.control("POST", "refunds/fail", refund=refund)


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[StripeSandbox]:
    """A processor for the whole run; ask for `stripe_sandbox`, which is empty."""
    command = [sys.executable, "-m", "sandbox.stripe", "--port", "0", "--end-with-stdin"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        said = process.stdout.readline()
        assert "http://" in said, said
        yield StripeSandbox(said.split(" at ")[1].split()[0])
        process.stdin.close()
        process.terminate()


@pytest.fixture
def stripe_sandbox(stripe_process: StripeSandbox) -> StripeSandbox:
    """A processor that knows nothing yet, without faults, whose webhooks go nowhere until `deliver_to`."""
    stripe_process.deliver_to("")
    stripe_process.control("POST", "reset")
    return stripe_process


@dataclass(slots=True)
class Receiver:
    """What came to an address: bodies and signatures in their order. `refuse` answers that many with 500 first."""

    url: str = ""
    refuse: int = 0
    got: list[tuple[bytes, str]] = field(default_factory=list)

    def events(self) -> list[stripe.Event]:
        """Return the events, each with its signature checked by the SDK."""
        return [stripe.Webhook.construct_event(body, signature, "whsec_sandbox") for body, signature in self.got]


@pytest.fixture
def stripe_receiver(stripe_sandbox: StripeSandbox) -> Iterator[Receiver]:
    """A tiny server that collects the processor's webhooks."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 500 if receiver.refuse > 0 else 200
            receiver.refuse -= 1
            if status == 200:
                receiver.got.append((body, self.headers["Stripe-Signature"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/"
        stripe_sandbox.deliver_to(receiver.url)
        yield receiver
        stripe_sandbox.deliver_to("")
        server.shutdown()
