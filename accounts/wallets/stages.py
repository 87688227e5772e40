"""The last step of a sign-up with a wallet: it is linked when the address is confirmed, as a passkey is made then.

Not before: who signs up with somebody else's address must not leave a key of theirs in the account that its owner, who
alone can confirm the address, takes over later.
"""

from __future__ import annotations

from typing import Any

from allauth.account.stages import LoginStage

from accounts.wallets.services import link_wallet

STATE = "wallet"


class LinkWalletStage(LoginStage):  # type: ignore[misc]
    key = "link_wallet"

    def handle(self) -> tuple[Any, bool]:
        if wanted := self.login.state.pop(STATE, None):
            link_wallet(user=self.login.user, chain=wanted["chain"], address=wanted["address"])
        return None, True
