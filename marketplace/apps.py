"""Marketplace: what leads offer."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from accounts.registry import register_event, register_personal_data
        from common.realtime import register_topic
        from marketplace import curves, event_words
        from marketplace.billing import checks
        from marketplace.billing import event_words as billing
        from marketplace.billing import webhook_sources as billing_sources
        from marketplace.publishing import event_words as publishing
        from marketplace.services import personal_data
        from marketplace.webhook_sources import register_sources

        register_sources()
        billing_sources.register_sources()
        register_topic("listing", curves.listing_snapshot)
        register_personal_data("marketplace", export=personal_data.export_listings, erase=personal_data.erase_listings)
        register(checks.settings_fit)
        register(checks.modes_do_not_mix, Tags.database)
        for name, words in {**event_words.EVENTS, **publishing.EVENTS, **billing.EVENTS}.items():
            register_event(name, **words)
