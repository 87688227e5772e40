"""A whole site of one's own, in both ways to run the product: one process, or those of the Procfile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from accounts.sealing import PublicKey
from common.ids import new_token
from config import demo
from tests.fixtures_signer import PRIVATE, PUBLIC
from tests.story.processes import ROOT, Ended, Process, own_environment, wait_until
from tools.services import free_port

HISTORY_DAYS = "1"


@dataclass
class Site:
    """Running processes, where they are reached, and who operates them."""

    address: str
    environment: dict[str, str]
    folder: Path
    operator: tuple[str, str]
    commands: dict[str, list[str]]
    running: dict[str, Process] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start processes by their names and, where the one that serves pages is among them, wait for its first page."""
        for name in names:
            self.running[name] = Process(self.commands[name], self.environment, self.folder / f"{name}.log")
        if self.web in names:
            wait_until(lambda: self._answers() or not self.running[self.web].runs, "the first page")
            assert self._answers(), self.running[self.web].output

    def stop(self, *names: str) -> dict[str, Ended]:
        """End processes as a process manager does."""
        return {name: self.running.pop(name).end() for name in names}

    def interrupt(self, act: Callable[[], None]) -> None:
        """Act while no worker is there to finish it, let it be finished while no page can be asked, then serve again.

        One process is worker and pages at once: there it is finished before the end or after the new start.
        """
        workers = [name for name in self.commands if name == "worker"]
        self.stop(*workers)
        act()
        self.stop(self.web)
        if workers:
            self.start(*workers)
            self.prove_books()
        self.start(self.web)

    def prove_books(self) -> dict[str, str]:
        """Wait until nothing is under way and every check passes; return the checks' verdicts by their names."""
        verdicts: dict[str, str] = {}

        def passes() -> bool:
            done = self.manage("check_books")
            verdicts.update({name: said for said, name in re.findall(r"^(\w+) +(\w+)$", done.stdout, re.MULTILINE)})
            return done.returncode == 0

        wait_until(passes, "the proof of the books")
        return verdicts

    @property
    def web(self) -> str:
        """The name of the process that serves pages."""
        return next(iter(self.commands))

    def mailed_code(self, email: str) -> str:
        """Return the code in the newest mail to an address, as soon as the console of whichever process sent it has shown it."""
        mail = re.compile(rf"^To: {re.escape(email)}$.*?^([A-Z0-9]{{3,4}}-[A-Z0-9]{{3,4}})$", re.MULTILINE | re.DOTALL)

        def codes() -> list[str]:
            return [code for one in self.running.values() for code in mail.findall(one.output)]

        wait_until(lambda: bool(codes()), f"a mail to {email}")
        return codes()[-1]

    def manage(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a management command on this site's data."""
        command = [sys.executable, "manage.py", *arguments]
        environment = self.environment | extra
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/accounts/login/", timeout=10) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def embedded_site(folder: Path) -> Iterator[Site]:
    """Serve everything in one process, as `make run` does."""
    port = free_port()
    site = Site(
        address=f"http://127.0.0.1:{port}",
        environment=own_environment(folder),
        folder=folder,
        operator=(demo.OPERATOR, demo.PASSWORD),
        commands={"serve": [sys.executable, "manage.py", "serve", "--port", str(port)]},
    )
    with _running(site):
        yield site


@contextmanager
def services_site(folder: Path) -> Iterator[Site]:
    """Run the Procfile's processes on a fresh database and Redis keys of their own, set up as the README says."""
    port = free_port()
    with _fresh_database() as database_url:
        places = {"DATABASE_URL": database_url, "REDIS_URL": os.environ["REDIS_URL"]}
        # No proxy stands before it: the process of the sockets, which can answer pages as well, is the site's address.
        places |= {"SOCKET_PORT": str(port), "PORT": str(free_port())}
        places["SLIPSTREAM_SIGNER_PUBLIC_KEY"] = PUBLIC.text
        site = Site(
            address=f"http://127.0.0.1:{port}",
            environment=own_environment(folder, SLIPSTREAM_REDIS_PREFIX=f"story-{new_token(6)}:", **places),
            folder=folder,
            operator=("operator@example.org", "a staple for the horse"),
            commands=procfile(),
        )
        email, password = site.operator
        for command in (
            ["migrate", "--verbosity", "0"],
            ["seed_simulated", "--days", HISTORY_DAYS],
            ["createsuperuser", "--noinput", "--email", email],
        ):
            done = site.manage(*command, DJANGO_SUPERUSER_PASSWORD=password)
            assert done.returncode == 0, done.stderr
        with _running(site):
            yield site


def procfile() -> dict[str, list[str]]:
    """Return the Procfile's commands by their names, each for a shell that becomes the process."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = dict(line.split(":", 1) for line in lines)
    # The one process that gets the private key.
    commands["signer"] = f"env SLIPSTREAM_SIGNER_KEYS={PublicKey(PRIVATE).text} {commands['signer'].strip()}"
    return {name: ["sh", "-c", f"exec {command.strip()}"] for name, command in commands.items()}


@contextmanager
def _running(site: Site) -> Iterator[None]:
    try:
        site.start(*reversed(site.commands))
        yield
    finally:
        for process in site.running.values():
            process.kill()


@contextmanager
def _fresh_database() -> Iterator[str]:
    """Make a database on the test run's PostgreSQL, yield its URL, and drop it."""
    name = sql.Identifier(fresh := f"story_{new_token(6).lower().replace('-', '_')}")
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield f"{server.rpartition('/')[0]}/{fresh}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@dataclass
class TestExchange:
    """The test exchange beside a site, as somebody sees it who may end its process and ask it for the truth."""

    __test__ = False

    site: Site
    port: int
    _own: Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill its process, whoever started that."""
        if self._own is not None:
            self._own.kill()
            return
        listening = f"-m sandbox --host 127.0.0.1 --port {self.port} "
        found = [one for one in Path("/proc").glob("[0-9]*/cmdline") if listening in _words(one)]
        os.kill(int(found[0].parent.name), signal.SIGKILL)
        wait_until(lambda: not self._answers(), "the end of the exchange")

    def come_back(self, *arguments: str) -> None:
        """Start it by hand where it was, with what it remembers."""
        command = [sys.executable, "-m", "sandbox", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--memory", str(self.site.folder / "exchange.memory"), *arguments]
        self._own = Process(command, self.site.environment, self.site.folder / "exchange-by-hand.log")
        wait_until(self._answers, "the exchange's return")

    def end(self) -> None:
        """End the process that `come_back` started; the site ends its own."""
        if self._own is not None:
            self._own.kill()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask it beside its dialects, below /sandbox/."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.address}/sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            return "binance" in self.ask("GET", "status")
        except OSError:
            return False


def _words(cmdline: Path) -> str:
    """Return a process's command, "" where it has just ended."""
    try:
        return cmdline.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def sandbox_site(folder: Path) -> Iterator[tuple[Site, TestExchange]]:
    """Serve everything in one process, and beside it a test exchange and a payment processor, as `make sandbox` does."""
    port, exchange_port, stripe_port = free_port(), free_port(), free_port()
    ports = {"--port": port, "--exchange-port": exchange_port, "--stripe-port": stripe_port}
    named = [word for name, number in ports.items() for word in (name, str(number))]
    command = [sys.executable, "manage.py", "serve_sandbox", *named]
    site = Site(
        address=f"http://127.0.0.1:{port}",
        environment=own_environment(
            folder,
            STRIPE_API_BASE=f"http://127.0.0.1:{stripe_port}",
            STRIPE_SECRET_KEY="sk_test_sandbox",
            STRIPE_WEBHOOK_SECRET="whsec_sandbox",
        ),
        folder=folder,
        operator=(demo.OPERATOR, demo.PASSWORD),
        commands={"serve": command},
    )
    exchange = TestExchange(site, exchange_port)
    with _running(site):
        try:
            yield site, exchange
        finally:
            exchange.end()
