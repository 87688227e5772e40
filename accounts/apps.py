"""Accounts: who."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import receivers, registry, selectors
        from accounts.services import personal_data
        from common import realtime

        receivers.connect()
        post_migrate.connect(receivers.make_default_plan, sender=self, dispatch_uid="accounts.default_plan")
        realtime.register_topic("user", selectors.user_snapshot)
        registry.register_personal_data(
            "accounts", export=personal_data.export_account, erase=personal_data.erase_account
        )
        registry.register_event(
            "workspace.joined",
            title="@{person} joined {name}",
            url="/settings/workspaces/{workspace}/",
            mail=False,
        )
        registry.register_event("workspace.removed", title="You do not belong to {name} any more")
        registry.register_event(
            "webhook.disabled",
            title="A webhook of yours is switched off",
            body="Nothing sent to {url} was taken for three days. Mend it, then switch it on again.",
            url="/settings/webhooks/{endpoint}/",
        )
