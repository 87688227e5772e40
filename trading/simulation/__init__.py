"""Deterministic simulation: the real services against a made-up world of time, venue, network and crashes, from one seed.

A seed draws a plan, a flat list of moves; a plan is played on a database in memory, and nothing else decides anything. So
a plan that fails fails again, and can be made shorter. How to read it: docs/simulation.md.
"""
