"""Only the very message that was made opens anything, for its address, once, in time; nothing changes otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.wallets.messages import is_signed
from accounts.wallets.models import Chain, Wallet, WalletChallenge
from accounts.wallets.services import issue_challenge, link_wallet, unlink_wallet, use_challenge
from common.errors import DomainError
from tests.accounts.conftest import Wall
from tests.accounts.identity import ETHEREUM, OTHER, SOLANA_ADDRESS, sign_ethereum, sign_solana

ADDRESS = ETHEREUM.address


def asked(user: User | None = None, chain: str = Chain.ETHEREUM, address: str = ADDRESS.lower()) -> WalletChallenge:
    return issue_challenge(
        chain=chain, address=address, domain="trade.example", uri="https://trade.example/", user=user
    )


def refused(code: str, **given: Any) -> None:
    with pytest.raises(DomainError) as error:
        use_challenge(**given)
    assert error.value.code == code


def test_the_message_is_the_standards(db: None, wall: Wall) -> None:
    """EIP-4361, line by line."""
    made = asked()
    assert made.message == "\n".join(
        [
            "trade.example wants you to sign in with your Ethereum account:",
            ADDRESS,
            "",
            "Log in to Slipstream. This costs nothing and moves nothing.",
            "",
            "URI: https://trade.example/",
            "Version: 1",
            "Chain ID: 1",
            f"Nonce: {made.nonce}",
            "Issued At: 2026-03-02T12:00:00Z",
            "Expiration Time: 2026-03-02T12:05:00Z",
        ]
    )
    assert len(made.nonce) == 32


@pytest.mark.parametrize(
    ("chain", "address"),
    [("BITCOIN", ADDRESS), ("ETHEREUM", "0x12"), ("ETHEREUM", SOLANA_ADDRESS), ("SOLANA", "0OIl"), ("SOLANA", "\x00")],
)
def test_what_is_no_address_gets_no_message(db: None, chain: str, address: str) -> None:
    with pytest.raises(DomainError, match=r"WALLET_(CHAIN_UNKNOWN|ADDRESS_INVALID)"):
        asked(chain=chain, address=address)
    assert not WalletChallenge.objects.exists()


def test_a_signature_opens_once(db: None) -> None:
    made = asked()
    signature = sign_ethereum(made.message)
    assert use_challenge(challenge_id=made.pk, signature=signature).address == ADDRESS
    refused("WALLET_MESSAGE_USED", challenge_id=made.pk, signature=signature)


def test_solanas_signature_is_of_the_text_as_it_stands(db: None) -> None:
    made = asked(chain=Chain.SOLANA, address=SOLANA_ADDRESS)
    assert "your Solana account:" in made.message
    assert use_challenge(challenge_id=made.pk, signature=sign_solana(made.message)).pk == made.pk


@pytest.mark.parametrize("chain", list(Chain))
def test_only_the_very_message_counts(db: None, chain: Chain) -> None:
    address, sign = (ADDRESS, sign_ethereum) if chain == Chain.ETHEREUM else (SOLANA_ADDRESS, sign_solana)
    old, made = asked(chain=chain, address=address), asked(chain=chain, address=address)
    for message in (
        made.message.replace("trade.example", "evil.example"),
        old.message,
        made.message.replace("Chain ID: ", "Chain ID: 9"),
        made.message + "\n",
    ):
        refused("WALLET_SIGNATURE_WRONG", challenge_id=made.pk, signature=sign(message))
    for nonsense in ("", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, "ü", "A" * 200, "A" * 88):
        refused("WALLET_SIGNATURE_WRONG", challenge_id=made.pk, signature=nonsense)
    # Nothing of all that used it up.
    assert use_challenge(challenge_id=made.pk, signature=sign(made.message)).pk == made.pk


def test_another_key_signs_nothing_for_this_address(db: None) -> None:
    made = asked()
    refused("WALLET_SIGNATURE_WRONG", challenge_id=made.pk, signature=sign_ethereum(made.message, OTHER))
    assert not is_signed(Chain.SOLANA, SOLANA_ADDRESS, made.message, sign_ethereum(made.message))


def test_a_message_expires(db: None, wall: Wall) -> None:
    made = asked()
    wall.pass_by(minutes=5)
    refused("WALLET_MESSAGE_EXPIRED", challenge_id=made.pk, signature=sign_ethereum(made.message))
    wall.pass_by(hours=2)
    asked()
    refused("WALLET_MESSAGE_UNKNOWN", challenge_id=made.pk, signature=sign_ethereum(made.message))


def test_a_message_is_for_one_purpose_and_person(alice: User, bob: User) -> None:
    login, link = asked(), asked(alice)
    refused("WALLET_MESSAGE_UNKNOWN", challenge_id=login.pk, signature=sign_ethereum(login.message), user=alice)
    for user in (None, bob):
        refused("WALLET_MESSAGE_UNKNOWN", challenge_id=link.pk, signature=sign_ethereum(link.message), user=user)


def test_a_wallet_has_one_owner(alice: User, bob: User) -> None:
    wallet = link_wallet(user=alice, chain=Chain.ETHEREUM, address=ADDRESS)
    assert link_wallet(user=alice, chain=Chain.ETHEREUM, address=ADDRESS) == wallet
    with pytest.raises(DomainError, match="WALLET_LINKED_ELSEWHERE"):
        link_wallet(user=bob, chain=Chain.ETHEREUM, address=ADDRESS)
    with pytest.raises(DomainError, match="NOT_FOUND"):
        unlink_wallet(user=bob, wallet_id=wallet.pk)
    assert list(Wallet.objects.values_list("user", flat=True)) == [alice.pk]
    unlink_wallet(user=alice, wallet_id=wallet.pk)
    assert not Wallet.objects.exists()
    acts = AuditEntry.objects.filter(action__startswith="wallet.").order_by("id")
    assert [(act.action, act.actor) for act in acts] == [("wallet.linked", alice), ("wallet.unlinked", alice)]


def test_the_only_way_in_is_not_taken_away(alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    wallet = link_wallet(user=alice, chain=Chain.ETHEREUM, address=ADDRESS)
    with pytest.raises(DomainError, match="WALLET_IS_THE_LAST_WAY_IN"):
        unlink_wallet(user=alice, wallet_id=wallet.pk)
    # A passkey that is a second factor alone opens nothing by itself.
    passkey = Authenticator(user=alice, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}})
    passkey.save()
    with pytest.raises(DomainError, match="WALLET_IS_THE_LAST_WAY_IN"):
        unlink_wallet(user=alice, wallet_id=wallet.pk)
    assert Wallet.objects.count() == 1
    passkey.data["credential"] = {"clientExtensionResults": {"credProps": {"rk": True}}}
    passkey.save()
    unlink_wallet(user=alice, wallet_id=wallet.pk)
    assert not Wallet.objects.exists()


# --- the doors ------------------------------------------------------------------------------------------------------
JSON = {"Accept": "application/json"}


def message_for(client: Client) -> str:
    answer = client.post("/accounts/wallet/challenge/", {"chain": "ETHEREUM", "address": ADDRESS}, headers=JSON)
    assert answer.status_code == 200
    return str(answer.json()["message"])


def test_a_message_is_for_the_session_that_asked(client: Client, alice: User) -> None:
    link_wallet(user=alice, chain=Chain.ETHEREUM, address=ADDRESS)
    signature = sign_ethereum(message_for(client))
    elsewhere = Client().post("/accounts/wallet/login/", {"signature": signature}, headers=JSON)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "WALLET_MESSAGE_UNKNOWN")
    # The page's own browser logs in, and lands nowhere but here.
    wanted = {"signature": signature, "next": "https://evil.example/"}
    assert client.post("/accounts/wallet/login/", wanted)["Location"].startswith("/")
    again = client.post("/accounts/wallet/login/", {"signature": signature}, headers=JSON)
    assert again.json()["code"] == "WALLET_MESSAGE_UNKNOWN"


def test_a_new_wallet_comes_in_only_where_sign_up_is_open(client: Client, db: None, settings: Any) -> None:
    settings.SIGNUP_MODE = "closed"
    answer = client.post("/accounts/wallet/login/", {"signature": sign_ethereum(message_for(client))})
    assert answer.status_code == 403
    assert client.get("/accounts/wallet/signup/")["Location"] == "/accounts/login/"
    assert not User.objects.exists()


def test_a_wallet_signs_up_beside_no_account_that_exists(
    client: Client, alice: User, mailoutbox: list[Any], settings: Any
) -> None:
    from allauth.account.models import EmailAddress

    settings.SIGNUP_MODE = "open"
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    client.post("/accounts/wallet/login/", {"signature": sign_ethereum(message_for(client))})
    answer = client.post("/accounts/wallet/signup/", {"email": alice.email})
    assert answer["Location"] == "/accounts/confirm-email/"
    assert "_auth_user_id" not in client.session
    assert not Wallet.objects.exists()
    assert User.objects.count() == 1
    assert [mail.to for mail in mailoutbox] == [[alice.email]]
