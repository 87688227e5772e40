"""What the commands that serve a whole site have in common: ports, steps that are told, logins, and loops that end cleanly."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from common import clock
from common.errors import DomainError
from config import demo, own_data
from config.embedded import end_on_signals
from markets.feeding import feed_venue
from trading.signer.keys import key_service
from trading.signer.running import run_signer
from trading.trigger_engine import run_engine

logger = logging.getLogger(__name__)


class SiteCommand(BaseCommand):
    """Serves a site on `--host` and `--port` in the one process that uses its folder; `serve` does it."""

    # How a person starts it, and names another port to it.
    started_by = "make run"

    def handle(self, *args: Any, **options: Any) -> None:
        end_on_signals()
        self.refuse_unusable_ports(**options)
        if settings.SITE_URL == settings.DEFAULT_SITE_URL:
            # Nobody said where it is reached: mails, and buyers who come back from their payment, find it where it listens.
            settings.SITE_URL = f"http://{options['host']}:{options['port']}"
        try:
            with own_data.sole_use():
                self.serve(**options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def refuse_unusable_ports(self, *, host: str, port: int, **options: Any) -> None:
        """Raise CommandError, one sentence, where a port cannot be had."""
        refuse_unusable_port(host, port, f"{self.started_by} PORT=")

    def serve(self, *, host: str, port: int, fresh: bool, **options: Any) -> None:
        """Prepare the folder (`fresh`: from nothing) and serve; a DomainError is told in words."""
        raise NotImplementedError

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what is being done, and how long it took."""
        began = clock.monotonic()
        self.stdout.write(f"{what} …", ending="")
        self.stdout.flush()
        try:
            yield
        except BaseException:
            self.stdout.write()
            raise
        self.stdout.write(f" {clock.monotonic() - began:.1f} s")

    def announce(self, host: str, port: int, more: str = "") -> None:
        """Say where the site is, and who may log in."""
        self.stdout.write(
            f"\n  Slipstream is running at http://{host}:{port}\n\n"
            f"  lead      {demo.LEAD}\n"
            f"  follower  {demo.FOLLOWER}\n"
            f"  operator  {demo.OPERATOR}   (admin: http://{host}:{port}/admin/)\n"
            f"  password  {demo.PASSWORD}\n\n{more}"
            "  Ctrl-C stops it.\n"
        )
        self.stdout.flush()


def refuse_unusable_port(host: str, port: int, setting: str) -> None:
    """Raise CommandError where a port cannot be listened on; `setting` is how another one is named ("make run PORT=")."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError as error:
            raise CommandError(
                f"There is no port {port}: choose one up to 65535, for example {setting}8001."
            ) from error
        except OSError as error:
            why = (
                "is taken: stop what uses it"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used ({error.strerror})"
            )
            raise CommandError(
                f"Port {port} on {host} {why}, or choose another: {setting}{port % 65535 + 1}"
            ) from error


def closing_feed(code: str, speed: float, stop: threading.Event) -> None:
    """Feed a venue until `stop`, and leave no connection open."""
    try:
        feed_venue(code, speed=speed, stop=stop)
    except DomainError as error:
        logger.warning("%s", error.message)
    finally:
        connections.close_all()


def closing_engine(namespace: str, stop: threading.Event) -> None:
    """Run a namespace's engine until `stop`, and leave no connection open."""
    try:
        run_engine(namespace, stop)
    finally:
        connections.close_all()


def closing_signer(stop: threading.Event) -> None:
    """Check and use keys of exchange accounts until `stop`, and leave no connection open."""
    try:
        run_signer(key_service(), stop)
    finally:
        connections.close_all()
