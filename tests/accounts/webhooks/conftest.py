"""A server that webhooks are sent to, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.accounts.webhooks.server import Hook, serving


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A server that answers 200 and remembers what came."""
    made = Hook()
    server = serving(made)
    yield made
    server.shutdown()
    server.server_close()
