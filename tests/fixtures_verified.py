"""A listing whose portfolio has traded, been sealed and got a signed root, all in few words."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import User
from common.clock import wall_now
from marketplace.proofs.services.sealing import ROOT_EVERY, seal_fills, sign_root
from marketplace.services.listings import publish_listing
from tests.fixtures_trading import Pit


class Sealed:
    """Alice's listing. Five fills, in two seals (three and two) and a root each."""

    def __init__(self, pit: Pit, alice: User) -> None:
        self.pit = pit
        self.listing = publish_listing(owner=alice, portfolio=pit.lead, title="Steady")
        self.hours = 0
        for quantities in ((1, 2, 3), (4, 5)):
            for quantity in quantities:
                pit.price(100 + quantity)
                pit.buy(quantity)
            self.seal()

    def seal(self) -> None:
        """Seal what is new and sign a root, as in a later hour."""
        seal_fills()
        self.hours += 1
        sign_root(now=wall_now() + self.hours * ROOT_EVERY + timedelta(seconds=self.hours))


def key_text(number: int) -> str:
    """Return a private key that anybody may know, as settings write it."""
    return urlsafe_b64encode(bytes([number]) * 32).decode()


@pytest.fixture
def record_key(settings: Settings) -> str:
    settings.RECORD_KEY = key_text(1)
    return key_text(1)


@pytest.fixture
def sealed(pit: Pit, alice: User, record_key: str) -> Sealed:
    return Sealed(pit, alice)
