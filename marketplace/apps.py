"""Marketplace: what leads offer."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data
        from common.realtime import register_topic
        from marketplace import selectors
        from marketplace.event_words import EVENTS
        from marketplace.services import personal_data

        register_topic("listing", selectors.listing_snapshot)
        register_personal_data("marketplace", export=personal_data.export_listings, erase=personal_data.erase_listings)
        for name, words in EVENTS.items():
            register_event(name, **words)
