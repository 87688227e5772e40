"""Which of the processor's two worlds this platform is in, by its key; and what is refused where there is none."""

from __future__ import annotations

from django.conf import settings

from common.errors import DomainError
from marketplace.billing.models import Mode

_PREFIXES = {"sk_test_": Mode.TEST, "rk_test_": Mode.TEST, "sk_live_": Mode.LIVE, "rk_live_": Mode.LIVE}


def mode_of(key: str) -> Mode | None:
    """Return the mode of a secret key by how it begins; None for what is no key."""
    return next((mode for prefix, mode in _PREFIXES.items() if key.startswith(prefix)), None)


def current_mode() -> Mode | None:
    """Return the mode in which money moves; None where no key is set, so that nothing is sold."""
    return mode_of(settings.STRIPE_SECRET_KEY)


def required_mode() -> Mode:
    """Return the mode in which money moves, or say what is missing."""
    mode = current_mode()
    if mode is None:
        message = "Payments are not set up here: an operator has to set STRIPE_SECRET_KEY (docs/billing.md)."
        raise DomainError("BILLING_NOT_SET_UP", message, {"setting": "STRIPE_SECRET_KEY"}, status=409)
    return mode


def check_mode(mode: str) -> None:
    """Refuse to act on what belongs to the processor's other world."""
    if (current := required_mode()) != mode:
        message = (
            f"This was made in {mode.lower()} mode, and the platform is in {current.lower()} mode: they never mix."
        )
        raise DomainError("BILLING_MODE_MISMATCH", message, {"mode": mode, "current": current}, status=409)
