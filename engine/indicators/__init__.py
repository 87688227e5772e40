"""Indicators as pure functions of arrays: float64 in, float64 out, same length, NaN while undefined.

No value looks at a later candle. A gap in the input (NaN) undoes what was learnt: after it an indicator starts anew,
as after the beginning of the data, so one bad candle costs a warm-up and not the rest of the year.
"""
