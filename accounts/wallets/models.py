"""Wallets that people linked, and the messages that were given out to be signed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.clock import wall_now
from common.ids import new_id


class Chain(models.TextChoices):
    ETHEREUM = "ETHEREUM", "Ethereum"
    SOLANA = "SOLANA", "Solana"


class Purpose(models.TextChoices):
    LOGIN = "LOGIN", "log in"
    LINK = "LINK", "link"


class Wallet(models.Model):
    """An address whose key opens its owner's account here; it belongs to one person at most."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wallets")
    chain = models.CharField(max_length=10, choices=Chain.choices)
    # Ethereum's in the mixed case of EIP-55, Solana's in base 58: each has one spelling.
    address = models.CharField(max_length=64)
    linked_at = models.DateTimeField(default=wall_now, editable=False)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="one_owner_per_wallet")]

    def __str__(self) -> str:
        return f"{self.get_chain_display()} {self.short}"

    @property
    def short(self) -> str:
        """The address as people recognise it: its beginning and its end."""
        return f"{self.address[:6]}…{self.address[-4:]}"


class WalletChallenge(models.Model):
    """A message given out to be signed, word for word; it opens something once, until it expires, in one session."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chain = models.CharField(max_length=10, choices=Chain.choices)
    address = models.CharField(max_length=64)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    # Who wants to link the wallet; null for a log-in.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    nonce = models.CharField(max_length=64, unique=True)
    message = models.TextField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.chain} {self.address}"
