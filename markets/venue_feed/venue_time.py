"""What time it is at a venue, as far as its messages tell: its clock may be wrong, and so may ours."""

from __future__ import annotations

from engine.timeframes import MINUTE_MS

# So much later than expected a live message may arrive before it says that the venue's clock is behind.
_LATENESS_MS = 15_000


class VenueTime:
    """An estimate in milliseconds since 1970: our wall clock until a message disagrees. `mono` is a steady clock's seconds."""

    def __init__(self, wall_ms: int, mono: float) -> None:
        self._at_ms, self._mono = wall_ms, mono
        # Whether any live message has said so; before that no candle is closed by the clock.
        self.is_sure = False

    def now_ms(self, mono: float) -> int:
        """Return the venue's time now."""
        return self._at_ms + int((mono - self._mono) * 1000)

    def hear_trade(self, at_ms: int, mono: float) -> None:
        """Take in a trade that happened a moment ago."""
        self._hear(at_ms, at_ms, mono)

    def hear_candle(self, opened_ms: int, mono: float) -> None:
        """Take in that the candle of this minute changed: the venue is in it, or has just left it."""
        self._hear(opened_ms, opened_ms + MINUTE_MS, mono)

    def _hear(self, earliest_ms: int, latest_ms: int, mono: float) -> None:
        self.is_sure = True
        now = self.now_ms(mono)
        if now < earliest_ms:
            self._at_ms, self._mono = earliest_ms, mono
        elif now > latest_ms + _LATENESS_MS:
            self._at_ms, self._mono = latest_ms, mono
