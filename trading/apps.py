"""Trading: orders, fills, copying."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from django.core.checks import register

        from accounts.registry import register_event, register_personal_data
        from accounts.teams.departures import register_loss
        from accounts.teams.showing import register_panel
        from markets.feed import register_backlog
        from portfolios.services.sharing import register_move_check, register_moved
        from trading.approvals.showing import approvals_panel
        from trading.due import has_unfinished_work
        from trading.event_words import EVENTS
        from trading.services import personal_data
        from trading.services.follows import refuse_following
        from trading.signals.services import silence, silence_with_role
        from trading.signer.keys import private_key_refused
        from trading.webhook_sources import register_sources

        register_move_check(refuse_following)
        register_moved(silence)
        register_loss(silence_with_role)
        register_panel(approvals_panel)
        register(private_key_refused)
        register_backlog(has_unfinished_work)
        register_sources()
        register_personal_data(
            "trading",
            export=personal_data.export_trading,
            erase=personal_data.erase_trading,
            subjects=personal_data.SUBJECTS,
            unwind=personal_data.unwind_trading,
        )
        for name, words in EVENTS.items():
            register_event(name, **words)
