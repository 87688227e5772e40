"""Risk: pure rules that an order must pass before it is sent, and that what is open is watched by. No clock, no database.

`facts` is what the rules know, `limits` what a portfolio's owner set, `refusals` and `caps` the rules one by one,
`judging` their order, `watching` the same limits on prices, `usage` how much of each is used.
"""

from engine.risk.facts import InstrumentRules, OrderFacts, RiskFacts, Trade
from engine.risk.judging import Verdict, judge
from engine.risk.limits import LimitError, Limits, limits_data, limits_from

__all__ = [
    "InstrumentRules",
    "LimitError",
    "Limits",
    "OrderFacts",
    "RiskFacts",
    "Trade",
    "Verdict",
    "judge",
    "limits_data",
    "limits_from",
]
