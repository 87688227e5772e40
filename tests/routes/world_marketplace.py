"""What stands in the world of the marketplace: a record that is sealed, a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test.utils import override_settings

from common import clock
from marketplace.proofs.services.reproducing import publish_backtest
from marketplace.proofs.services.sealing import seal_fills, sign_root
from marketplace.reviews.models import Review
from strategies.models import Backtest
from tests.fixtures_verified import key_text

if TYPE_CHECKING:
    from tests.routes.world import World


def proven(world: World) -> None:
    """Seal what alice has traded, sign it, and let her listing show the backtest that she made."""
    seal_fills()
    with override_settings(RECORD_KEY=key_text(1)):
        sign_root()
    backtest = Backtest.objects.get(pk=world.values["backtest_id"])
    publish_backtest(owner=world.people["alice"], listing=world.listing, backtest=backtest)


def reviewed(world: World) -> Review:
    """Let bob's follow be said something of; that it began today is not asked here."""
    facts = {"author": world.people["bob"], "stars": 4, "text": "Fine.", "followed_days": 20}
    return Review.objects.create(listing=world.listing, follow=world.follow, created_at=clock.wall_now(), **facts)
