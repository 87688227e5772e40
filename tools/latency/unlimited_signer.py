"""The signer, to whom venues count no requests: what is measured beside it is ours, and not a venue's patience."""

from __future__ import annotations

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # models come after setup

from markets.gateway.client import Gate  # noqa: E402


async def _at_once(self: Gate, *args: object, **kwargs: object) -> None:
    """Take no turn."""


if __name__ == "__main__":
    Gate._take = _at_once  # type: ignore[method-assign]  # the one place where it may be left out
    call_command("run_signer")
