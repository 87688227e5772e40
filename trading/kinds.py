"""The kinds of orders, what makes them, how long they may wait, what amounts are counted in, what one is to those of its group."""

from __future__ import annotations

from django.db import models


class OrderKind(models.TextChoices):
    """What an order waits for: nothing, a price to rest at (limit), a price that sets it off (trigger), or both."""

    MARKET = "MARKET", "Market"
    LIMIT = "LIMIT", "Limit"
    STOP = "STOP", "Stop"
    STOP_LIMIT = "STOP_LIMIT", "Stop limit"
    TAKE_PROFIT = "TAKE_PROFIT", "Take profit"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT", "Take profit limit"
    TRAILING_STOP = "TRAILING_STOP", "Trailing stop"


WITH_LIMIT = (OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT)
WITH_TRIGGER = (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT)


class TimeInForce(models.TextChoices):
    """How long an order may wait: until canceled, not at all (whole or in part), not at all (whole), until a moment."""

    GTC = "GTC", "Until canceled"
    IOC = "IOC", "At once or not"
    FOK = "FOK", "All at once or not"
    GTD = "GTD", "Until a time"


class Unit(models.TextChoices):
    """What an amount is counted in: base units, quote units with the fee, or percent of what is free for it."""

    BASE = "BASE", "Coins"
    QUOTE = "QUOTE", "Money"
    PERCENT = "PERCENT", "% of free"


class GroupRole(models.TextChoices):
    """What an order is to those of its group: one of a pair, a bracket's entry and the two that guard it, a leg of a reversal."""

    OCO = "OCO", "One of two"
    ENTRY = "ENTRY", "Entry"
    STOP = "STOP", "Stop"
    TARGET = "TARGET", "Target"
    TURN = "TURN", "Reversal"


class CauseKind(models.TextChoices):
    """What made an order. With the cause's id it is the order's identity: the same cause never makes a second one."""

    HAND = "HAND"
    RUN = "RUN"
    TRIGGER = "TRIGGER"
    # Made at the venue itself and given to a portfolio by its owner.
    VENUE = "VENUE"
    LEAD_EVENT = "LEAD_EVENT"
    FOLLOW_COMMAND = "FOLLOW_COMMAND"
    CLOSE_ALL = "CLOSE_ALL"
    BRACKET = "BRACKET"
    PLAN = "PLAN"
    # A signal from outside (trading/signals).
    SIGNAL = "SIGNAL"
    # The engine closes a position that no longer carries its maintenance margin.
    LIQUIDATION = "LIQUIDATION"
    # A live follow's stop that rests at the exchange (services/protecting.py).
    PROTECTION = "PROTECTION"
