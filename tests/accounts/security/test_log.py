"""The security log: what touched one's way in, by kind, and nobody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from accounts.security.selectors import Kind, security_log
from accounts.services import issue_token
from accounts.wallets.models import Chain
from accounts.wallets.services import link_wallet
from tests.accounts.identity import ETHEREUM


@pytest.fixture
def busy(alice: User, bob: User) -> User:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    for password in ("wrong", "correct horse"):
        Client().post("/accounts/login/", {"login": alice.email, "password": password})
    issue_token(user=alice, name="bot")
    issue_token(user=bob, name="bot")
    link_wallet(user=alice, chain=Chain.ETHEREUM, address=ETHEREUM.address)
    return alice


def told(user: User, kind: str = "") -> list[str]:
    return [row["what"] for row in security_log(user, kind)]


def test_each_kind_is_found_and_all_together(busy: User, bob: User) -> None:
    assert told(busy, Kind.SIGN_IN) == ["sign_in.accepted"]
    assert told(busy, Kind.REFUSED) == ["sign_in.refused"]
    assert told(busy, Kind.TOKEN) == ["token.issued"]
    assert told(busy, Kind.WALLET) == ["wallet.linked"]
    assert told(busy, Kind.FACTOR) == []
    assert told(busy) == ["wallet.linked", "token.issued", "sign_in.accepted", "sign_in.refused"]
    assert told(bob) == ["token.issued"]


def test_the_page_shows_ones_own(busy: User, bob: User) -> None:
    for user, shown in ((busy, True), (bob, False)):
        client = Client()
        client.force_login(user)
        page = client.get("/settings/security/", {"kind": "refused"}).content.decode()
        assert ("Refused sign-in</span>" in page) is shown
    assert Client().get("/settings/security/").status_code == 302


# --- what a stranger may learn ---------------------------------------------------------------------------------------
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what makes the difference in time: a password hash."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    made: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        made.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return made


def test_a_log_in_costs_the_same_for_known_and_unknown(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timing of login answers: the one slow step is done once for either, and the answers are alike."""
    made = hashes(monkeypatch)
    answers = []
    for email in (alice.email, "nobody@example.org"):
        made.clear()
        answer = Client().post("/accounts/login/", {"login": email, "password": "wrong"})
        answers.append((answer.status_code, made.count("wrong"), "are not correct" in answer.content.decode()))
    assert answers[0] == answers[1]
    assert answers[0][1] == 1


def test_a_reset_answers_the_same_and_mails_either_way(alice: User, mailoutbox: list[Any]) -> None:
    """Timing of reset answers: one mail is made for either, so that neither is the quick one."""
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    answers = [
        Client().post("/accounts/password/reset/", {"email": email}) for email in (alice.email, "nobody@example.org")
    ]
    assert {(one.status_code, one["Location"]) for one in answers} == {(302, "/accounts/password/reset/done/")}
    assert [mail.to for mail in mailoutbox] == [[alice.email], ["nobody@example.org"]]


def test_a_link_to_a_new_password_opens_once_and_not_for_ever(
    alice: User, mailoutbox: list[Any], settings: Any
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    Client().post("/accounts/password/reset/", {"email": alice.email})
    path = re.findall(r"/accounts/password/reset/key/\S+", mailoutbox[0].body)[0]

    def opened(password: str) -> bool:
        browser = Client()
        there = browser.get(path)
        if there.status_code == 302:
            browser.post(there["Location"], {"password1": password, "password2": password})
        return User.objects.get(pk=alice.pk).check_password(password)

    settings.PASSWORD_RESET_TIMEOUT = -1
    assert not opened("battery staple 98")
    settings.PASSWORD_RESET_TIMEOUT = 3600
    assert opened("battery staple 99")
    assert not opened("battery staple 97")


@pytest.mark.parametrize("email", ["a@example.org\nBcc: all@example.org", "a@example.org\r\nX: y"])
def test_no_header_is_put_into_a_mail(db: None, mailoutbox: list[Any], email: str) -> None:
    """Header injection."""
    for path, field in (("/accounts/password/reset/", "email"), ("/accounts/signup/", "email")):
        assert Client().post(path, {field: email}).status_code == 200
    assert mailoutbox == []


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_log_in_leads_nowhere_else(alice: User, target: str) -> None:
    """Open redirect."""
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    wanted = {"login": alice.email, "password": "correct horse", "next": target}
    assert Client().post("/accounts/login/", wanted)["Location"] == "/"


def test_no_page_of_the_way_in_stands_in_a_frame(db: None) -> None:
    """Clickjacking."""
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/signup/passkey/", "/accounts/password/reset/"):
        answer = Client().get(path)
        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
