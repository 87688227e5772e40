"""Portfolios: what people own."""

from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data, register_reachable
        from accounts.teams.departures import register_departure
        from accounts.teams.showing import register_panel
        from common.realtime import register_topic
        from markets.signals import instruments_synchronised
        from portfolios.live import TOPIC, portfolio_snapshot
        from portfolios.selectors import reachable_by_tokens
        from portfolios.services import personal_data
        from portfolios.services.sharing import refuse_departure
        from portfolios.showing import portfolios_panel
        from portfolios.tasks import hear_synchronised

        instruments_synchronised.connect(hear_synchronised, dispatch_uid="portfolios.synchronised")
        register_topic(TOPIC, portfolio_snapshot)
        register_reachable(reachable_by_tokens)
        register_personal_data(
            "portfolios",
            export=personal_data.export_portfolios,
            erase=personal_data.erase_portfolios,
            subjects=personal_data.SUBJECTS,
        )
        register_departure(refuse_departure)
        register_panel(portfolios_panel)
        register_event(
            "portfolio.lent",
            title="You may work with the portfolio {name}",
            body="Until {until} you may {scope}.",
            url="/portfolios/{portfolio}/",
        )
        account_url = "/exchange-accounts/{account}/"
        register_event(
            "exchange_account.connected",
            label="An exchange account was connected",
            group="Exchange accounts",
            severity="critical",
            security=True,
            title="An exchange account was connected: {label}",
            body="Somebody who is logged in as you put a key of {exchange} in. If it was not you, delete that key at the"
            " exchange and change your password here.",
            url=account_url,
        )
        register_event(
            "exchange_account.rekeyed",
            label="An exchange account has another key",
            group="Exchange accounts",
            severity="critical",
            security=True,
            title="{label} has another key",
            body="Somebody who is logged in as you put another key of {exchange} in. If it was not you, delete that key at"
            " the exchange and change your password here.",
            url=account_url,
        )
        register_event(
            "exchange_account.refused",
            label="A key of an exchange account cannot be used",
            group="Exchange accounts",
            severity="warning",
            title="The key of {label} cannot be used",
            body="The check of it at {exchange} went wrong; the account's page says how and what to do.",
            url=account_url,
            mail=False,
        )
        register_event(
            "exchange_account.not_covered",
            label="An exchange account holds too little",
            group="Exchange accounts",
            severity="critical",
            title="{label} holds less than its portfolios",
            body="At the exchange there is less {assets} than your portfolios on this account say: money went out there, or a"
            " trade was made that we know nothing of. Their orders may be refused until you pay it in, or withdraw it here.",
            url=account_url,
        )
        register_event(
            "exchange_account.terms_refused",
            label="An exchange refused leverage or margin mode",
            group="Exchange accounts",
            severity="warning",
            title="{label}: {symbol} is not traded at {terms}",
            body="The exchange refused this leverage or margin mode: {reason} Nothing was opened; choose others on the"
            " portfolio's page.",
            url=account_url,
        )
        register_event(
            "exchange_account.position_differs",
            label="Positions at an exchange differ",
            group="Exchange accounts",
            severity="critical",
            title="{label} holds other positions than its portfolios",
            body="Position at the exchange and here differ in {symbols}, and no trade that we know of explains it. The"
            " difference stands among what is in no portfolio; look at the exchange what happened there.",
            url=account_url,
        )
        register_event(
            "exchange_account.closed_at_venue",
            label="A position was closed at the exchange",
            group="Exchange accounts",
            severity="critical",
            title="{label}: {symbol} was closed at the exchange",
            body="{quantity} {symbol} of {portfolio} were closed there at {price}: by yourself, or by the exchange, which"
            " liquidates what no longer carries its margin.",
            url=account_url,
        )
        register_event(
            "exchange_account.fill_not_booked",
            label="A trade could not be booked",
            group="Exchange accounts",
            severity="critical",
            title="A trade of {label} could not be booked",
            body="The exchange filled an order of a portfolio for more than that portfolio holds, so its books wait for you:"
            " move money into {portfolio}, and it is booked at the next comparison.",
            url=account_url,
        )
