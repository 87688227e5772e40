"""Community: people together."""

from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "community"

    def ready(self) -> None:
        from accounts.registry import register_personal_data
        from common.realtime import register_topic
        from community import selectors
        from community.services import personal_data
        from markets.feed import register_backlog

        register_backlog(selectors.has_due_competition)
        register_topic("competition", selectors.competition_snapshot)
        register_personal_data("community", export=personal_data.export_entries, erase=personal_data.erase_entries)
