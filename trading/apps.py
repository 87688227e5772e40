"""Trading: orders, fills, copying."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data
        from markets.feed import register_backlog
        from trading.selectors import has_unfinished_work
        from trading.services import personal_data

        register_backlog(has_unfinished_work)
        register_personal_data("trading", export=personal_data.export_trading, erase=personal_data.erase_trading)
        register_event(
            "follow.started",
            title="Somebody follows {name}",
            body="From now on every fill of your portfolio {name} is copied into one more account.",
            url="/portfolios/{portfolio}/",
            mail=False,
        )
        register_event(
            "lead.left",
            title="The lead of {portfolio_name} has left",
            body="They closed their account and trade no more. Nothing new is copied, and what {portfolio_name} holds is"
            " sold only when you stop the follow and say so.",
            url="/portfolios/{portfolio}/",
        )
        register_event(
            "follow.stopped",
            title="You no longer follow {name}",
            body="Nothing is copied any more. The money is in the portfolio {portfolio_name}; move it where you like.",
            url="/portfolios/{portfolio}/",
        )
