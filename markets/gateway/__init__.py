"""The one way to an exchange: one protocol and one adapter, whose venues differ by data alone.

`Client` is the connection; `CcxtMarketData`, `CcxtAccount` and `CcxtStreams` speak through it. No database is read here.
"""
