"""Common: what every floor uses."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"
