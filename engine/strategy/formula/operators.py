"""Which nodes the operators of a formula stand for, and how tightly each binds."""

from __future__ import annotations

import ast

BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
}
LOGIC: dict[type[ast.boolop], str] = {ast.And: "and", ast.Or: "or"}
NEGATE, NOT = "negate", "not"
# What a plain number becomes where a series is expected.
NUMBER_NODE, NUMBER_PORT = "number", "value"

_SIGNS = ("+", "-", "*", "/", "<", "<=", ">", ">=", "==", "and", "or")
# Node -> how it is written.
OPERATORS = dict(zip([*BINARY.values(), *COMPARE.values(), *LOGIC.values()], _SIGNS, strict=True)) | {
    NEGATE: "-",
    NOT: "not",
}
