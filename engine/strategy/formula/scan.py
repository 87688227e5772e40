"""The first reading of a formula: characters to statements, refusing by its place whatever is no word of the language.

Only what passes here meets Python's parser, so that no input makes that one warn, fail strangely or run out of stack.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from engine.strategy.types import StrategyError

MAX_CHARACTERS = 20_000
MAX_BRACKETS = 40
MAX_PREFIXES = 8
MAX_TOKENS = 2_000
MAX_DIGITS = 40

WORDS = frozenset({"and", "or", "not", "True", "False", "None"})
_VALUES = frozenset({"True", "False", "None"})
_OPENING = {"(": ")", "{": "}"}
_SIGNS = frozenset(["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "=", "(", ")", "{", "}", ",", ":"])
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)|(?P<newline>\n)|(?P<comment>\#[^\n]*)
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<string>"(?:[^"\\\n]|\\["'\\]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\U00(?:0[1-9a-fA-F]|10)[0-9a-fA-F]{4})*"
              |'(?:[^'\\\n]|\\["'\\]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\U00(?:0[1-9a-fA-F]|10)[0-9a-fA-F]{4})*')
    |(?P<sign><=|>=|==|!=|<>|\*\*|//|<<|>>|&&|\|\||:=|->|[-+*/<>=(){},:])""",
    re.VERBOSE,
)
# What people who know another language type first, and what to type here.
_INSTEAD = {
    "!=": "Write not (a == b).",
    "<>": "Write not (a == b).",
    "!": "Write not.",
    "**": "There are no powers; multiply.",
    "//": "Divide with one /.",
    "&&": "Write and.",
    "&": "Write and.",
    "||": "Write or.",
    "|": "Write or.",
    "%": "Write shares as numbers: 0.05 for 5 %.",
    ";": "Put each statement on a line of its own.",
    "[": "Write lag(close, 1) for the candle before.",
    ":=": "Write =.",
    "'": "A text ends on the line on which it starts, with the same quote.",
    '"': "A text ends on the line on which it starts, with the same quote.",
    ".": "Nothing has parts here; write a function, such as ema(close, 12).",
}
_WORDS_INSTEAD = {"AND": "and", "OR": "or", "NOT": "not", "And": "and", "Or": "or", "Not": "not"}


class Place(NamedTuple):
    """A character of the text; line and column count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Statement:
    """`name = value`, with what it takes to find a part of the value in the text again."""

    name: str
    place: Place
    value: ast.expr
    start: Place
    lines: tuple[bytes, ...]

    def place_of(self, part: ast.AST) -> Place:
        """Return where a part of the value starts; Python's parser counts columns in bytes."""
        line, offset = getattr(part, "lineno", 1), getattr(part, "col_offset", 1)
        column = len(self.lines[line - 1][:offset].decode())
        return _moved(self.start, line, column)


class _Token(NamedTuple):
    kind: str
    text: str
    begin: int
    place: Place

    @property
    def ends_value(self) -> bool:
        if self.kind == "name":
            return self.text not in WORDS or self.text in _VALUES
        return self.kind in ("number", "string") or self.text in (")", "}")

    @property
    def starts_value(self) -> bool:
        if self.kind == "name":
            return self.text not in ("and", "or")
        return self.kind in ("number", "string") or self.text == "{"


def wrong(code: str, message: str, place: Place) -> StrategyError:
    """Return a refusal that names its place in the text."""
    return StrategyError(code, message, str(place))


def read_statements(text: str) -> list[Statement]:
    """Return the statements of a formula in order.

    Raises StrategyError (FORMULA_TOO_LONG, FORMULA_UNREADABLE, FORMULA_TOO_DEEP) with the place of what is wrong.
    """
    if len(text) > MAX_CHARACTERS:
        raise wrong(
            "FORMULA_TOO_LONG",
            f"A formula has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}.",
            Place(1, 1),
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [_statement(text, line) for line in _lines(text)]


def _lines(text: str) -> list[list[_Token]]:
    """Cut the text into statements: a line each, and a bracket holds its lines together."""
    lines: list[list[_Token]] = [[]]
    open_brackets: list[tuple[_Token, bool]] = []
    for token in _tokens(text):
        if token.kind == "newline":
            if not open_brackets and lines[-1]:
                lines.append([])
            continue
        line = lines[-1]
        _check_neighbours(line, token, is_call=bool(open_brackets) and open_brackets[-1][1])
        _check_brackets(line, token, open_brackets)
        line.append(token)
        if len(line) > MAX_TOKENS:
            raise wrong("FORMULA_TOO_DEEP", "This statement is too long; give a part of it a name.", line[0].place)
    if open_brackets:
        opening = open_brackets[-1][0]
        raise wrong("FORMULA_UNREADABLE", f"This bracket is never closed with {_OPENING[opening.text]}.", opening.place)
    return lines if lines[-1] else lines[:-1]


def _tokens(text: str) -> Iterator[_Token]:
    at, line, line_start = 0, 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at, Place(line, at - line_start + 1))
        kind, end = match.lastgroup or "", match.end()
        if kind != "space":
            token = _Token(kind, match.group(), at, Place(line, at - line_start + 1))
            _check_token(token, text[end : end + 1])
            if kind != "comment":
                yield token
        at = end
        if kind == "newline":
            line, line_start = line + 1, at


def _unreadable(text: str, at: int, place: Place) -> StrategyError:
    character = text[at]
    if character in _INSTEAD:
        return wrong("FORMULA_UNREADABLE", f"{character} has no meaning here. {_INSTEAD[character]}", place)
    shown = character if character.isprintable() and character.strip() else f"U+{ord(character):04X}"
    return wrong(
        "FORMULA_UNREADABLE", f"The character {shown} has no meaning here; names are made of a–z, 0–9 and _.", place
    )


def _check_token(token: _Token, following: str) -> None:
    kind = token.kind
    if kind == "sign":
        if token.text not in _SIGNS:
            message = f"{token.text} has no meaning here. {_INSTEAD.get(token.text, '')}".strip()
            raise wrong("FORMULA_UNREADABLE", message, token.place)
    elif kind == "number":
        _check_number(token, following)
    elif kind == "name":
        _check_word(token, following)
    elif kind != "newline":
        _check_visible(token)


def _check_visible(token: _Token) -> None:
    for index, character in enumerate("" if token.text.isprintable() else token.text):
        if not character.isprintable() and character != "\t":
            place = Place(token.place.line, token.place.column + index)
            raise wrong("FORMULA_UNREADABLE", f"The character U+{ord(character):04X} cannot stand here.", place)


def _check_number(token: _Token, following: str) -> None:
    digits = token.text
    if following.isalnum() or (following in ("_", ".") and following):
        message = "A number is made of digits and one point, such as 12 or 0.05."
        raise wrong("FORMULA_UNREADABLE", message, token.place)
    if len(digits) > MAX_DIGITS:
        raise wrong("FORMULA_UNREADABLE", f"A number has at most {MAX_DIGITS} digits.", token.place)
    if digits.isdigit() and digits != "0" and digits.startswith("0"):
        raise wrong("FORMULA_UNREADABLE", f"Write {digits.lstrip('0') or '0'} without leading zeros.", token.place)
    if float(digits) == float("inf"):
        raise wrong("FORMULA_UNREADABLE", "This number is too large.", token.place)


def _check_word(token: _Token, following: str) -> None:
    if following in ('"', "'") and following:
        raise wrong(
            "FORMULA_UNREADABLE", "A text starts with its quote; nothing stands directly before it.", token.place
        )
    if keyword.iskeyword(token.text) and token.text not in WORDS:
        message = f"{token.text} is no word of this language; combine conditions with and, or, not."
        raise wrong("FORMULA_UNREADABLE", message, token.place)


def _check_neighbours(line: list[_Token], token: _Token, *, is_call: bool) -> None:
    """Refuse what Python's parser would read in a way of its own, or report without saying what is missing."""
    before = line[-1] if line else None
    if token.text == "=" and len(line) > 1 and not (is_call and _names_argument(line)):
        raise wrong("FORMULA_UNREADABLE", "Use == to compare.", token.place)
    if before is None or not before.ends_value:
        _check_prefixes(line, token)
        return
    if token.starts_value or (token.text == "(" and (before.kind != "name" or before.text in _VALUES)):
        message = f"Something is missing between {before.text[:40]} and {token.text[:40]}: an operator, or a comma."
        for word in (before.text, token.text):
            message = f"Write {_WORDS_INSTEAD[word]} for {word}." if word in _WORDS_INSTEAD else message
        raise wrong("FORMULA_UNREADABLE", message, token.place)


def _names_argument(line: list[_Token]) -> bool:
    return line[-1].kind == "name" and line[-2].text in ("(", ",")


def _check_prefixes(line: list[_Token], token: _Token) -> None:
    if token.text not in ("-", "+", "not"):
        return
    run = line[-MAX_PREFIXES:]
    if len(run) == MAX_PREFIXES and all(before.text in ("-", "+", "not") for before in run):
        raise wrong("FORMULA_TOO_DEEP", f"At most {MAX_PREFIXES} of - and not can follow each other.", token.place)


def _check_brackets(line: list[_Token], token: _Token, opened: list[tuple[_Token, bool]]) -> None:
    if token.kind != "sign":
        return
    if token.text in _OPENING:
        if len(opened) >= MAX_BRACKETS:
            message = f"At most {MAX_BRACKETS} brackets can be open at once; give a part a name."
            raise wrong("FORMULA_TOO_DEEP", message, token.place)
        opened.append((token, token.text == "(" and bool(line) and line[-1].kind == "name" and line[-1].ends_value))
    elif token.text in _OPENING.values():
        if not opened or _OPENING[opened[-1][0].text] != token.text:
            raise wrong("FORMULA_UNREADABLE", f"This {token.text} closes nothing.", token.place)
        opened.pop()
    elif token.text == ":" and not (opened and opened[-1][0].text == "{"):
        raise wrong("FORMULA_UNREADABLE", "A colon stands only in a table, such as {0: 0.1, 60: 0.05}.", token.place)


def _statement(text: str, tokens: list[_Token]) -> Statement:
    name, equals = tokens[0], tokens[1] if len(tokens) > 1 else None
    if name.kind != "name" or name.text in WORDS or equals is None or equals.text != "=":
        message = "Each line names something: write enter_long = … for what to do, or a name of your own."
        if equals is not None and equals.text == "==":
            raise wrong("FORMULA_UNREADABLE", "Use one = to give a name.", equals.place)
        raise wrong("FORMULA_UNREADABLE", message, name.place)
    if len(tokens) == 2:
        raise wrong("FORMULA_UNREADABLE", f"Something is missing after {name.text} =.", equals.place)
    first, last = tokens[2], tokens[-1]
    # In brackets, so that the value may run over several lines.
    source = f"({text[first.begin : last.begin + len(last.text)]}\n)"
    return Statement(
        name=name.text,
        place=name.place,
        value=_parsed(source, first.place),
        start=first.place,
        lines=tuple(line.encode() for line in source.split("\n")),
    )


def _parsed(source: str, start: Place) -> ast.expr:
    try:
        return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        lines = source.split("\n")
        line = min(max(error.lineno or 1, 1), len(lines) - 1)
        column = min(max((error.offset or 1) - 1, 0), len(lines[line - 1]))
        message = "This cannot be read; look for a missing or doubled operator, comma or value."
        if "positional argument follows" in error.msg:
            message = "Values without a name come before those with one: write ema(close, period=12)."
        raise wrong("FORMULA_UNREADABLE", message, _moved(start, line, column)) from None
    except (RecursionError, MemoryError, ValueError):
        raise wrong("FORMULA_TOO_DEEP", "This statement is too deep; give a part of it a name.", start) from None


def _moved(start: Place, line: int, column: int) -> Place:
    """Return the place of a 0-based column on a 1-based line of the bracketed source."""
    if line == 1:
        return Place(start.line, start.column + max(column - 1, 0))
    return Place(start.line + line - 1, column + 1)
