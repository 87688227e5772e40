"""Every write about wallets: a message given out, a signature taken for it once, a wallet linked and unlinked."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services.auditing import audit
from accounts.wallets.messages import Request, compose, is_signed, plain_address
from accounts.wallets.models import Chain, Purpose, Wallet, WalletChallenge
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.ids import new_key

VALID_FOR = timedelta(minutes=5)
# Used and expired messages are kept so long, to tell who sends an old one what it is.
KEPT_FOR = timedelta(hours=1)
MAX_WALLETS = 10
NONCE_BYTES = 16


@transaction.atomic
def issue_challenge(*, chain: str, address: str, domain: str, uri: str, user: User | None = None) -> WalletChallenge:
    """Compose and store a message for this address to sign: to log in, or to link it to `user`.

    Raises DomainError WALLET_CHAIN_UNKNOWN or WALLET_ADDRESS_INVALID.
    """
    if chain not in Chain.values:
        raise DomainError("WALLET_CHAIN_UNKNOWN", "Log in with a wallet of Ethereum or Solana.")
    now = wall_now()
    WalletChallenge.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    purpose = Purpose.LINK if user else Purpose.LOGIN
    wanted = Request(
        chain=chain,
        address=plain_address(chain, address),
        purpose=purpose,
        domain=domain,
        uri=uri,
        # EIP-4361 wants letters and digits alone.
        nonce=new_key(NONCE_BYTES).hex(),
        issued_at=now,
        expires_at=now + VALID_FOR,
    )
    return WalletChallenge.objects.create(
        chain=chain,
        address=wanted.address,
        purpose=purpose,
        user=user,
        nonce=wanted.nonce,
        message=compose(wanted),
        expires_at=wanted.expires_at,
    )


@transaction.atomic
def use_challenge(*, challenge_id: UUID, signature: str, user: User | None = None) -> WalletChallenge:
    """Take a signature for a message given out, which opens nothing more after that.

    Raises DomainError: WALLET_MESSAGE_UNKNOWN (never given out, forgotten, or for another purpose or person),
    WALLET_MESSAGE_USED, WALLET_MESSAGE_EXPIRED, WALLET_SIGNATURE_WRONG (another key, or another message: one for another
    domain, with an older nonce, or with a word changed).
    """
    purpose = Purpose.LINK if user else Purpose.LOGIN
    challenge = WalletChallenge.objects.filter(pk=challenge_id, purpose=purpose, user=user).first()
    if challenge is None:
        raise DomainError("WALLET_MESSAGE_UNKNOWN", "This message was not made here, or is forgotten: begin again.")
    if challenge.used_at:
        raise DomainError("WALLET_MESSAGE_USED", "This message was signed and used already: begin again.")
    now = wall_now()
    if challenge.expires_at <= now:
        raise DomainError("WALLET_MESSAGE_EXPIRED", "This message has expired: begin again.")
    if not is_signed(challenge.chain, challenge.address, challenge.message, signature):
        message = "This is not this wallet's signature of the message that we made: begin again."
        raise DomainError("WALLET_SIGNATURE_WRONG", message)
    # Of two that come at once, the conditional update lets one through.
    if not WalletChallenge.objects.filter(pk=challenge.pk, used_at=None).update(used_at=now):
        raise DomainError("WALLET_MESSAGE_USED", "This message was signed and used already: begin again.")
    return challenge


@transaction.atomic
def link_wallet(*, user: User, chain: str, address: str) -> Wallet:
    """Let a wallet log in to the user's account; its key has been proven by `use_challenge`.

    Raises DomainError WALLET_LINKED_ELSEWHERE or WALLETS_TOO_MANY (409); one that is linked already stays as it is.
    """
    lock_rows(User.objects.filter(pk=user.pk))
    held = Wallet.objects.filter(chain=chain, address=address).first()
    if held and held.user_id == user.pk:
        return held
    if Wallet.objects.filter(user=user).count() >= MAX_WALLETS:
        raise DomainError("WALLETS_TOO_MANY", f"You may link {MAX_WALLETS} wallets: unlink one first.", status=409)
    try:
        with transaction.atomic():
            if held:
                raise IntegrityError
            wallet = Wallet.objects.create(user=user, chain=chain, address=address)
    except IntegrityError:
        message = "This wallet belongs to another account here: unlink it there first."
        raise DomainError("WALLET_LINKED_ELSEWHERE", message, status=409) from None
    audit(action="wallet.linked", obj=user, actor=user, after={"chain": chain, "address": address})
    return wallet


@transaction.atomic
def unlink_wallet(*, user: User, wallet_id: UUID) -> None:
    """Let a wallet log in no more. Raises DomainError WALLET_IS_THE_LAST_WAY_IN (409) where nothing else would."""
    lock_rows(User.objects.filter(pk=user.pk))
    wallet = wallet_for_user(user, wallet_id)
    if not _other_ways_in(user, wallet):
        message = "This wallet is your only way in: set a password or add a passkey first."
        raise DomainError("WALLET_IS_THE_LAST_WAY_IN", message, status=409)
    before = {"chain": wallet.chain, "address": wallet.address}
    wallet.delete()
    audit(action="wallet.unlinked", obj=user, actor=user, before=before)


def record_wallet_use(*, wallet: Wallet) -> None:
    """Note that the wallet logged in now."""
    Wallet.objects.filter(pk=wallet.pk).update(last_used_at=wall_now())


def wallet_for_user(user: User, wallet_id: UUID) -> Wallet:
    """Gate: one's own wallet."""
    wallet = Wallet.objects.filter(user=user, pk=wallet_id).first()
    if wallet is None:
        raise NotFound("wallet")
    return wallet


def wallet_at(chain: str, address: str) -> Wallet | None:
    """Return the wallet with this address if somebody who may come in has linked it."""
    return Wallet.objects.select_related("user").filter(chain=chain, address=address, user__is_active=True).first()


def _other_ways_in(user: User, wallet: Wallet) -> bool:
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return (
        user.has_usable_password()
        or Wallet.objects.filter(user=user).exclude(pk=wallet.pk).exists()
        # A passkey that was added as a second factor alone opens nothing by itself.
        or any(one.wrap().is_passwordless for one in passkeys)
        or SocialAccount.objects.filter(user=user).exists()
    )
