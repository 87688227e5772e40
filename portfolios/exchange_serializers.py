"""The shapes of the exchange-accounts API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from markets.gateway.venues import VENUES
from markets.models import Exchange
from markets.serializers import ExactField
from portfolios.exchange_words import guide_for, words_for
from portfolios.models import AccountMode, AccountState, ExchangeAccount, ExchangeAccountUse, KeyPurpose
from portfolios.services.exchange_accounts import MAX_CREDENTIAL, MAX_LABEL


class ExchangeAccountSerializer(serializers.ModelSerializer[ExchangeAccount]):
    """An account at an exchange. Its key is in no answer."""

    exchange = serializers.CharField(source="exchange.code", help_text="The exchange's code.")
    mode = serializers.ChoiceField(choices=AccountMode.choices, help_text="Whether its money is real.")
    state = serializers.ChoiceField(choices=AccountState.choices)
    code = serializers.CharField(
        help_text="What the last check found, or why it is tried again; empty before the first."
    )
    detail = serializers.SerializerMethodField(help_text="The same in words, with what to do.")
    permissions = serializers.ListField(
        child=serializers.CharField(),
        help_text="Of READ, TRADE, WITHDRAW, ADDRESS_BOUND, as the exchange reports them.",
    )
    key_hint = serializers.CharField(help_text="The last characters of the key.")

    class Meta:
        model = ExchangeAccount
        fields = [
            "id",
            "exchange",
            "label",
            "mode",
            "state",
            "code",
            "detail",
            "permissions",
            "key_hint",
            "checked_at",
            "last_used_at",
            "check_due_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_detail(self, account: ExchangeAccount) -> str:
        words = words_for(account)
        return f"{words.title}. {words.advice}"


class CredentialsSerializer(serializers.Serializer[Any]):
    """A key as its venue made it; which parts it has, the list of venues says."""

    api_key = serializers.CharField(max_length=MAX_CREDENTIAL)
    secret = serializers.CharField(max_length=MAX_CREDENTIAL)
    password = serializers.CharField(max_length=MAX_CREDENTIAL, required=False)


class KeySerializer(serializers.Serializer[Any]):
    credentials = CredentialsSerializer(write_only=True)


class LabelSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=MAX_LABEL)  # type: ignore[assignment] # a field here, not this field's label


class NewExchangeAccountSerializer(KeySerializer):
    """What connecting an account takes."""

    exchange = serializers.CharField(max_length=40, help_text="Its code.")
    mode = serializers.ChoiceField(choices=AccountMode.choices)
    label = serializers.CharField(max_length=MAX_LABEL)  # type: ignore[assignment] # a field here, not this field's label


class AccountBalanceSerializer(serializers.Serializer[Any]):
    """An asset of an account: what the exchange says, and how it is divided. Portfolios and remainder sum to `total`."""

    asset = serializers.CharField(source="row.asset")
    total = ExactField(source="row.total", help_text="What the exchange says that the account holds.")
    free = ExactField(source="row.free")
    in_portfolios = ExactField(source="books")
    remainder = ExactField(source="row.remainder", help_text="In no portfolio; below zero where they claim too much.")
    read_at = serializers.DateTimeField(source="row.read_at")


class UseSerializer(serializers.ModelSerializer[ExchangeAccountUse]):
    """One use of a key; without an outcome where it was cut short."""

    purpose = serializers.ChoiceField(choices=KeyPurpose.choices)

    class Meta:
        model = ExchangeAccountUse
        fields = ["id", "at", "purpose", "outcome"]
        read_only_fields = fields


class ConnectableVenueSerializer(serializers.Serializer[Any]):
    """An exchange at which an account can be connected."""

    exchange = serializers.CharField()
    name = serializers.CharField()
    modes = serializers.ListField(child=serializers.CharField())
    credentials = serializers.ListField(child=serializers.CharField(), help_text="The parts of its keys.")
    where = serializers.CharField(help_text="Where its keys are made.")
    allow = serializers.ListField(child=serializers.CharField(), help_text="What a key needs.")
    leave_out = serializers.ListField(child=serializers.CharField(), help_text="What a key must not be allowed.")


def venue_facts(exchange: Exchange, modes: Sequence[AccountMode]) -> dict[str, Any]:
    """Return an exchange as ConnectableVenueSerializer shows it."""
    guide = guide_for(exchange.dialect)
    return {
        "exchange": exchange.code,
        "name": exchange.name,
        "modes": [str(one) for one in modes],
        "credentials": list(VENUES[exchange.dialect].credentials),
        "where": guide.where,
        "allow": list(guide.allow),
        "leave_out": list(guide.leave_out),
    }
