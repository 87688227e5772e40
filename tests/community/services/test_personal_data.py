"""A person takes their competitions along; the ranking keeps its line."""

from __future__ import annotations

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from community.models import Competition
from community.selectors import ranking
from community.services.competitions import enter_competition


def test_entries_are_exported_and_stay_under_another_name(alice: User, competition: Competition) -> None:
    enter_competition(user=alice, competition=competition)
    [exported] = export_personal_data(user=alice)["community"]["competitions"]
    assert (exported["competition__title"], exported["final_rank"]) == ("Spring sprint", None)
    erase_person(user=alice)
    [standing] = ranking(competition)
    assert standing.entry.user.profile.display_name == "Left"
