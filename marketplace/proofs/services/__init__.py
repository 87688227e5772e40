"""Writes of proofs."""
