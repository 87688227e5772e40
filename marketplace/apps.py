"""Marketplace: what leads offer."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from accounts.registry import register_event, register_personal_data
        from common.realtime import register_topic
        from marketplace import selectors
        from marketplace.billing import checks
        from marketplace.billing.event_words import EVENTS
        from marketplace.billing.services import personal_data as billing_data
        from marketplace.services import personal_data

        register_topic("listing", selectors.listing_snapshot)
        register_personal_data("marketplace", export=personal_data.export_listings, erase=personal_data.erase_listings)
        register_personal_data("billing", export=billing_data.export_billing, erase=billing_data.erase_billing)
        register(checks.settings_fit)
        register(checks.modes_do_not_mix, Tags.database)
        for name, words in EVENTS.items():
            register_event(name, **words)
