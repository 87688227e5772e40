"""Common: what every floor uses."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        from django.db.models import Field, ForeignObject

        from common.db import Among
        from common.processes import calm_collector

        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)
        calm_collector()
