"""Accounts: who."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import event_words, receivers, registry, selectors
        from accounts.notifying.webhook_source import NOTIFICATIONS
        from accounts.services import personal_data
        from accounts.webhooks.sources import register_source
        from common import realtime

        receivers.connect()
        post_migrate.connect(receivers.make_default_plan, sender=self, dispatch_uid="accounts.default_plan")
        realtime.register_topic("user", selectors.user_snapshot)
        registry.register_personal_data(
            "accounts",
            export=personal_data.export_account,
            erase=personal_data.erase_account,
            subjects=personal_data.SUBJECTS,
        )
        register_source(NOTIFICATIONS)
        for name, words in event_words.EVENTS.items():
            registry.register_event(name, **words)
