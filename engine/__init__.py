"""Pure computation: no Django, clock, network or unseeded randomness. Importing it fixes how Decimals round (decimals.py)."""

from engine import decimals as decimals
