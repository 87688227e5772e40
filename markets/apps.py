"""Markets: what can be traded, where, at what price."""

from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"

    def ready(self) -> None:
        from accounts.registry import register_event, register_personal_data
        from common import realtime
        from markets import history, live, topics
        from markets.scanning import topics as scanning
        from markets.services import personal_data

        realtime.register_topic("prices", live.prices_snapshot)
        realtime.register_topic("backfills", history.backfills_snapshot)
        realtime.register_topic("candles", topics.candles_snapshot, topics.keep_candles)
        realtime.register_topic("ticker", topics.ticker_snapshot, topics.keep_tickers)
        realtime.register_topic("book", topics.book_snapshot, topics.keep_books)
        realtime.register_topic("trades", topics.trades_snapshot, topics.keep_trades)
        realtime.register_topic("venues", topics.venues_snapshot)
        realtime.register_topic("scanner", scanning.scanner_snapshot, scanning.keep_scanning)
        register_personal_data("markets", export=personal_data.export_markets, erase=personal_data.erase_markets)
        register_event(
            "alert.fired",
            label="A price alert was reached",
            group="Markets",
            severity="warning",
            title="{symbol} {what}",
            body="Your alert on {symbol} at {exchange} was reached at {at}. {note}",
            url="/markets/{instrument}/",
        )
