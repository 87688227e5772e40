"""Stripe's refusals: their statuses, types and codes, in the shape that its clients read."""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """A refusal. `status` is the HTTP status, `kind` Stripe's type, `param` the parameter that is wrong."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str = "",
        param: str = "",
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.code, self.param, self.extra = code, param, extra or {}

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message, **self.extra}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


def invalid(message: str, *, param: str = "", code: str = "") -> StripeError:
    """Return the refusal of a request that cannot be carried out."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param)


def missing(kind: str, name: str, param: str = "id") -> StripeError:
    """Return the refusal of an id that names nothing: 404 in the address, 400 elsewhere, as Stripe does."""
    return StripeError(
        404 if param == "id" else 400,
        "invalid_request_error",
        f"No such {kind.replace('_', ' ')}: '{name}'",
        code="resource_missing",
        param=param,
    )


def declined(decline_code: str, message: str, extra: dict[str, Any] | None = None) -> StripeError:
    """Return the refusal of a card."""
    code = decline_code if decline_code in {"expired_card", "incorrect_cvc", "processing_error"} else "card_declined"
    return StripeError(402, "card_error", message, code=code, extra={"decline_code": decline_code, **(extra or {})})
