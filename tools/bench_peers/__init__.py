"""Other backtesters doing our job: each script runs in an environment of its own and answers line by line.

A script gets the file of candles (.npz), says {"trades": n} once it is warm, and then {"seconds": s} for each line it
is sent, so that peers and we take turns within one run.
"""
