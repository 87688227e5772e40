"""Signals from outside: a program, or a charting site's alert, makes orders in a portfolio through an address of its own."""
