"""API keys: whose they are and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a key may be allowed."""

    READ = "READ"
    TRADE = "TRADE"
    WITHDRAW = "WITHDRAW"


@dataclass(slots=True)
class ApiKey:
    """A key with its secret. `last_nonce` serves dialects whose nonces must grow."""

    key: str
    secret: str
    account: str
    permissions: frozenset[Permission]
    created_ms: int
    last_nonce: int = 0
    # The client addresses that it works from; empty: from anywhere.
    addresses: frozenset[str] = frozenset()

    def may(self, permission: Permission) -> bool:
        """Tell whether the key is allowed something."""
        return permission in self.permissions

    def works_from(self, address: str) -> bool:
        """Tell whether the key may be used from an address."""
        return not self.addresses or address in self.addresses
