"""The asynchronous client, written by hand; `python -m tools.client_models` makes the synchronous one of it."""
