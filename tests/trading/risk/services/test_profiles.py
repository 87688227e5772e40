"""Setting limits: ready-made, of one's own, none; each change written down, and nothing changed by what is refused."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from common.errors import DomainError
from engine.risk.limits import PROFILES, Profile, limits_data
from tests.fixtures_trading import Pit
from trading.risk.models import RiskProfile, RiskState
from trading.risk.services.profiles import choose_profile, drop_limits, set_limits


def changes() -> list[tuple[object, object]]:
    entries = AuditEntry.objects.filter(action="risk.changed").order_by("pk")
    return [(entry.before, entry.after) for entry in entries]


def test_a_new_portfolio_has_no_limits(pit: Pit) -> None:
    assert RiskProfile.objects.count() == 0


@pytest.mark.parametrize("profile", list(PROFILES))
def test_a_profile_gives_its_figures_and_measures_from_now(pit: Pit, profile: Profile) -> None:
    pit.buy(10)
    pit.price(110)
    made = choose_profile(actor=pit.alice, portfolio=pit.lead, profile=profile)
    assert (made.name, made.limits) == (profile, limits_data(PROFILES[profile]))
    state = RiskState.objects.get(profile__portfolio=pit.lead)
    assert (state.day, state.day_equity, state.week_equity, state.peak_equity) == (
        pit.desk.at.date(),
        10_100,
        10_100,
        10_100,
    )
    assert changes() == [(None, {"profile": profile, "limits": made.limits, "loosened": []})]


def test_a_change_keeps_what_is_remembered_and_says_what_is_looser(pit: Pit) -> None:
    choose_profile(actor=pit.alice, portfolio=pit.lead, profile=Profile.CONSERVATIVE)
    RiskState.objects.update(peak_equity=20_000)
    set_limits(actor=pit.alice, portfolio=pit.lead, limits={"max_order_share": "0.2", "max_drawdown": "0.1"})
    profile = RiskProfile.objects.select_related("state").get()
    assert (profile.name, profile.limits) == ("CUSTOM", {"max_drawdown": "0.1", "max_order_share": "0.2"})
    assert profile.state.peak_equity == 20_000
    before, after = changes()[1]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before["profile"] == "CONSERVATIVE"
    assert "max_drawdown" not in after["loosened"]
    assert {"max_order_share", "max_daily_loss", "reserve_share"} <= set(after["loosened"])


def test_figures_that_are_a_profiles_are_called_by_its_name(pit: Pit) -> None:
    data = limits_data(PROFILES[Profile.BALANCED])
    assert set_limits(actor=pit.alice, portfolio=pit.lead, limits=data).name == "BALANCED"


def test_taken_off_they_are_forgotten(pit: Pit) -> None:
    choose_profile(actor=pit.alice, portfolio=pit.lead, profile=Profile.BALANCED)
    for _ in range(2):
        drop_limits(actor=pit.alice, portfolio=pit.lead)
    assert (RiskProfile.objects.count(), RiskState.objects.count(), len(changes())) == (0, 0, 2)
    assert changes()[1][1] == {"profile": None}


@pytest.mark.parametrize(
    ("limits", "field", "message"),
    [
        ({"max_order_share": "1.01"}, "max_order_share", "Enter a value from 0.001 to 1."),
        ({"max_order_share": "NaN"}, "max_order_share", "Enter a value from 0.001 to 1."),
        ({"max_positions": "1e30"}, "max_positions", "Enter a value from 1 to 500."),
        ({"max_everything": "1"}, "max_everything", "There is no limit called max_everything."),
        ({"denied": ["DOGE-USDT"]}, "denied", "Nothing called DOGE-USDT is traded there."),
    ],
)
def test_what_cannot_be_changes_nothing(pit: Pit, limits: dict[str, object], field: str, message: str) -> None:
    with pytest.raises(DomainError) as refusal:
        set_limits(actor=pit.alice, portfolio=pit.lead, limits=limits)
    assert (refusal.value.code, refusal.value.message) == ("LIMIT_INVALID", message)
    assert refusal.value.context == {"field": field}
    assert (RiskProfile.objects.count(), changes()) == (0, [])


def test_custom_is_no_ready_made_profile(pit: Pit) -> None:
    with pytest.raises(DomainError) as refusal:
        choose_profile(actor=pit.alice, portfolio=pit.lead, profile=Profile.CUSTOM)
    assert refusal.value.code == "PROFILE_UNKNOWN"
