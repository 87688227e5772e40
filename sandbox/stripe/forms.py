"""Stripe's form encoding: items[0][price]=… and expand[]=… become nested dictionaries and lists of strings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import invalid

_PART = re.compile(r"\[([^\[\]]*)\]")


def parsed(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the nested parameters of a form; an empty string stays one (it means: unset)."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        parts = [head, *_PART.findall(bracket + rest)]
        _put(root, parts, value, name)
    return {key: _listed(value) for key, value in root.items()}


def _put(root: dict[str, Any], parts: list[str], value: str, name: str) -> None:
    inside = root
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        key = part or str(len(inside))
        if following is None:
            inside[key] = value
            return
        inside = inside.setdefault(key, {})
        if not isinstance(inside, dict):
            raise invalid(f"Invalid parameter: {name}", param=name)


def _listed(value: Any) -> Any:
    """Turn dictionaries whose keys are 0, 1, … into lists, inside out."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(one) for key, one in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def whole(value: Any, param: str) -> int:
    """Return an integer."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise invalid(f"Invalid integer: {value}", param=param, code="parameter_invalid_integer") from None


def flag(value: Any, param: str) -> bool:
    """Return a boolean, which Stripe writes as true or false."""
    if value in (True, "true"):
        return True
    if value in (False, "false", "", None):
        return False
    raise invalid(f"Invalid boolean: {value}", param=param)


def chosen(value: Any, param: str, among: Iterable[str]) -> str:
    """Return one of the words that are allowed."""
    allowed = list(among)
    if value not in allowed:
        raise invalid(f"Invalid {param}: must be one of {', '.join(allowed)}", param=param)
    return str(value)


def dictionary(value: Any, param: str) -> dict[str, Any]:
    """Return a nested object, empty where nothing was sent."""
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=param)
    return value


def listed(value: Any, param: str) -> list[Any]:
    """Return a list, empty where nothing was sent."""
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise invalid("Invalid array", param=param)
    return value


def merged(before: dict[str, str], sent: Any) -> dict[str, str]:
    """Return metadata after an update: an empty value removes its key, an empty string all of them."""
    if sent == "":
        return {}
    values = {**before, **dictionary(sent, "metadata")}
    return {key: str(value) for key, value in values.items() if value != ""}
