"""Outgoing webhooks: a person's addresses, what is to be told to them, and how it gets there."""
