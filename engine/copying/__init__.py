"""The rules of copying as pure, exact functions: sizes, minimums, price caps, checks, guards, drift. docs/copy-trading.md numbers them.

Quantities are base units without a sign, prices and amounts quote units, shares 0-1; all are Decimals.
"""
