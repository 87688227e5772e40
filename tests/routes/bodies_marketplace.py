"""What the marketplace's doors are sent, as in bodies.py."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, TypeAlias

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.routes.world import PICTURE, World
from trading.copy_terms import TERMS_VERSION

Body: TypeAlias = dict[str, Any]
# The answers of all three steps, but for where the money comes from.
FOLLOWING = {
    "step": "3",
    "amount": "100",
    "multiplier": "1",
    "stop": "40",
    "daily_loss": "5",
    "accepted_terms": TERMS_VERSION,
    "accepted": "on",
}


class Picture(SimpleUploadedFile):
    """A file that is sent as often as asked: reading it again begins anew."""

    def read(self, *size: int) -> bytes:
        self.seek(0)
        found: bytes = super().read(*size)
        return found


def marketplace_bodies(world: World) -> dict[tuple[str, str], Body]:
    """Return (route, method) -> body."""
    own = str(world.own["alice"].pk)
    posts: dict[str, Body] = {
        "marketplace:publish": {"portfolio": own, "title": "Second", "description": ""},
        "marketplace:follow": {"source": str(world.own["charlie"].pk), **FOLLOWING},
        "marketplace:publish_backtest": {"backtest": str(world.values["backtest_id"])},
        "marketplace:searches": {"name": "Calm ones", "query": "q=calm"},
        "marketplace:review": {"stars": "4", "text": "Fine."},
        "marketplace:answer_review": {"text": "Thank you."},
        "marketplace:report_review": {"reason": "SPAM"},
        "marketplace:edit": {"title": "Other", "description": "Other."},
        "billing:change": {"kind": "CANCEL_AT_END"},
        "billing:ending": {"stop_mode": "KEEP"},
        "billing:prices": {"interval": "month", "amount": "10", "currency": "usd", "trial_days": "0"},
        "billing:give_back": {"amount": "1"},
        "billing:decide_taking": {"act": "close", "reason": "The account is gone."},
        "billing:codes": {"code": "SPRING20", "percent_off": "20", "length": "once"},
        "billing:retire": {"makes_free": "yes"},
    }
    return {
        **{(name, "POST"): body for name, body in posts.items()},
        ("marketplace_api:listings", "POST"): {"portfolio": own, "title": "Second"},
        ("marketplace_api:listing", "PATCH"): {"title": "Other"},
        ("marketplace_api:published_backtest", "PUT"): {"backtest": str(world.values["backtest_id"])},
        ("marketplace_api:follow", "POST"): {
            "from_portfolio": str(world.own["charlie"].pk),
            **{name: FOLLOWING[name] for name in ("amount", "multiplier", "accepted_terms")},
        },
        ("marketplace:preview", "POST"): {"description": "**Calm**"},
        ("marketplace:upload", "POST"): {"picture": Picture("dot.png", PICTURE, "image/png")},
        ("marketplace:decide", "POST"): {"decision": "approve"},
        ("marketplace_api:pictures", "POST"): {"picture": b64encode(PICTURE).decode()},
        ("marketplace_api:decision", "POST"): {"is_approved": True},
        ("billing_api:prices", "POST"): {"interval": "month", "amount": "10", "currency": "usd"},
        ("billing_api:taking", "POST"): {"act": "CLOSE", "reason": "The account is gone."},
        ("billing_api:codes", "POST"): {"code": "SPRING20", "percent_off": 20},
        ("billing_api:subscription", "PATCH"): {"stop_mode": "KEEP"},
        ("marketplace_api:searches", "POST"): {"name": "Calm ones", "query": "q=calm"},
        ("marketplace_api:review", "PUT"): {"stars": 4, "text": "Fine."},
        ("marketplace_api:answer_review", "PUT"): {"text": "Thank you."},
        ("marketplace_api:report_review", "POST"): {"reason": "SPAM"},
    }
