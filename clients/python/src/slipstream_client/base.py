"""What every model of the API is: read leniently, since the API may add fields; built when it is first used."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An object of the API. Decimals are `Decimal`, times aware `datetime`s in UTC, ids `UUID` or `int`."""

    # Hundreds of models: only those that a program meets are built.
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True, protected_namespaces=())
