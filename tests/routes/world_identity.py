"""What the world has of identity: a wallet of alice's, her session, and an app that she let know who she is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.idp.oidc.models import Client, Token
from allauth.usersessions.models import UserSession

from accounts.models import User
from accounts.wallets.models import Chain
from accounts.wallets.services import issue_challenge, link_wallet

WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
APP = {"name": "Charts", "redirect_uris": "http://127.0.0.1:9/back", "scopes": "openid\nemail"}


def identified(people: Mapping[str, User]) -> dict[str, Any]:
    """Make it, and return what fills its addresses."""
    alice = people["alice"]
    app = Client.objects.create(id="charts", **APP)
    Token.objects.create(client=app, user=alice, type=Token.Type.ACCESS_TOKEN, hash="0" * 64)
    issue_challenge(chain=Chain.SOLANA, address="1" * 32, domain="testserver", uri="http://testserver/")
    return {
        "wallet_id": link_wallet(user=alice, chain=Chain.ETHEREUM, address=WALLET).pk,
        "session_id": UserSession.objects.create(
            user=alice, session_key="0" * 32, ip="127.0.0.1", user_agent="Elsewhere"
        ).pk,
        # A passkey that nobody has, a provider that nobody configured.
        "pk": 1,
        "provider_id": "none",
    }
