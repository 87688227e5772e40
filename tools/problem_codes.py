"""Every code that a refusal can have, gathered from the source: `python -m tools.problem_codes` writes the list anew.

The API's pages of problems show it (`/api/v1/problems/`), so that the `type` of each problem leads to an explanation.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "common" / "problem_codes.json"
PACKAGES = (
    "common",
    "accounts",
    "markets",
    "portfolios",
    "trading",
    "strategies",
    "marketplace",
    "community",
    "engine",
)
# What Django REST framework and this project's handlers say by themselves.
OF_THE_FRAMEWORK = {
    "INVALID_INPUT": (400, "Some fields need another value: `context.fields` says which and why."),
    "PARSE_ERROR": (400, "The body is no JSON, or none that can be stored."),
    "BAD_TOKEN": (401, "This token is unknown, expired or revoked: create a new one."),
    "AUTHENTICATION_FAILED": (401, "What was sent to prove who is asking does not."),
    "NOT_AUTHENTICATED": (401, "Log in, or send a token, first."),
    "PERMISSION_DENIED": (403, "You may not do this."),
    "NOT_FOUND": (404, "There is no such thing, or it is not for you to see."),
    "METHOD_NOT_ALLOWED": (405, "This address does not take this method."),
    "NOT_ACCEPTABLE": (406, "This address has no answer of the kind that `Accept` names."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Send JSON: `Content-Type: application/json`."),
    "THROTTLED": (429, "Too many requests: `Retry-After` says for how many seconds to wait."),
    "SERVER_ERROR": (500, "Something failed on our side: try again in a while."),
}


def gathered() -> dict[str, dict[str, object]]:
    """Return code -> its status and sentence; of several sentences the first in the order of files and lines."""
    found = dict(OF_THE_FRAMEWORK)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                for code, status, sentence in _codes_in(ast.parse(path.read_text())):
                    if code not in found or not found[code][1]:
                        found[code] = status, sentence
    for code, sentence in _words_of_orders():
        found.setdefault(code, (409, sentence))
    return {code: {"status": status, "sentence": sentence} for code, (status, sentence) in sorted(found.items())}


def _codes_in(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        texts: dict[str, str] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                texts.setdefault(node.targets[0].id, _text(node.value, {}))
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _name(node.func) == "DomainError" and node.args:
                code = _text(node.args[0], {})
                if code.isupper():
                    yield code, _status(node), _text(node.args[1], texts) if len(node.args) > 1 else ""


def _words_of_orders() -> Iterator[tuple[str, str]]:
    """Yield what orders are refused for: these codes reach a caller in a problem, too."""
    for node in ast.walk(ast.parse((ROOT / "trading" / "codes.py").read_text())):
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == "_WORDS" and isinstance(node.value, ast.Dict):
            for code, words in zip(node.value.keys, node.value.values, strict=True):
                if code is not None and _text(code, {}):
                    yield _text(code, {}), re.sub(r"\{\w+\}", "…", _text(words, {}))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _status(call: ast.Call) -> int:
    given = [one.value for one in call.keywords if one.arg == "status"] + call.args[3:4]
    for one in given:
        if isinstance(one, ast.Constant) and isinstance(one.value, int):
            return one.value
        if _name(one).startswith("HTTP_"):
            return int(_name(one)[5:8])
    return 400


def _text(node: ast.expr, texts: dict[str, str]) -> str:
    """Return a literal's text, with … where a fact goes."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, texts) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left, texts) + _text(node.right, texts)
    return texts.get(node.id, "") if isinstance(node, ast.Name) else ""


def main() -> None:
    TARGET.write_text(json.dumps(gathered(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
