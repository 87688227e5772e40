"""The synchronous client, made of the asynchronous one by `python -m tools.client_models`: change that."""
