"""Proofs of a track record: fills sealed into chains, chains into signed roots; backtests that anybody may repeat; drift."""
