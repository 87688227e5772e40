"""`manage.py sync_instruments CODE`: bring an exchange's instruments up to date with its venue, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import DomainError, NotFound
from markets.connecting import fetch_markets
from markets.gateway.errors import GatewayError
from markets.gateway.venues import VENUES
from markets.models import Exchange, SourceKind
from markets.selectors import exchange_by_code
from markets.services import connect_exchange, register_exchange, synchronise_instruments
from markets.services.importing import REAL_NAMESPACE

SANDBOX_NAMESPACE = "sandbox"


class Command(BaseCommand):
    help = (
        "Bring an exchange's instruments up to date with what its venue lists. An exchange that is not known or not "
        "connected yet is made known by --dialect."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="code of the exchange, for example: binance")
        parser.add_argument(
            "--dialect", choices=list(VENUES), help="which venue's language it speaks (default: its code)"
        )
        parser.add_argument("--base-url", default="", help="an address in place of the venue's, of a test exchange")
        parser.add_argument("--sandbox", action="store_true", help="it is a test exchange: no money there is real")
        parser.add_argument("--namespace", help='where its markets are compared (default: "real", or "sandbox")')
        parser.add_argument("--name", help="what people see (default: the venue's name)")
        parser.add_argument(
            "--allow-many-delisted", action="store_true", help="retire even when a fifth of all is no longer listed"
        )

    def handle(self, *, code: str, allow_many_delisted: bool, **options: Any) -> None:
        try:
            exchange = self._exchange(code, **options)
            report = synchronise_instruments(
                exchange=exchange, markets=fetch_markets(exchange), allow_many_delisted=allow_many_delisted
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        except GatewayError as error:
            raise CommandError(f"{code} did not tell its markets: {error.code} {error.message}") from error
        self.stdout.write(
            f"{exchange.name} ({exchange.code}): {len(report.registered)} new, {len(report.changed)} changed, "
            f"{len(report.retired)} retired, {len(report.relisted)} relisted, {len(report.skipped)} skipped."
        )

    def _exchange(
        self,
        code: str,
        *,
        dialect: str | None,
        base_url: str,
        sandbox: bool,
        namespace: str | None,
        name: str | None,
        **_: Any,
    ) -> Exchange:
        """Return the exchange, connected as the options say; without any it must be connected, or be named like a venue."""
        wanted = dialect or (code if code in VENUES else "")
        try:
            exchange = exchange_by_code(code)
        except NotFound:
            if not wanted:
                raise
            exchange = register_exchange(
                code=code,
                name=name or VENUES[wanted].name,
                namespace=namespace or (SANDBOX_NAMESPACE if sandbox else REAL_NAMESPACE),
                source_kind=SourceKind.REAL,
            )
        if wanted and (dialect or base_url or sandbox or not exchange.dialect):
            exchange = connect_exchange(exchange=exchange, dialect=wanted, base_url=base_url, is_sandbox=sandbox)
        return exchange
