"""The formula language: a strategy's graph for people who like typing, read and written without loss."""

from engine.strategy.formula.parse import parse_formula
from engine.strategy.formula.vocabulary import vocabulary
from engine.strategy.formula.write import write_formula

__all__ = ["parse_formula", "vocabulary", "write_formula"]
