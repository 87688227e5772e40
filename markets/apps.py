"""Markets: what can be traded, where, at what price."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"
