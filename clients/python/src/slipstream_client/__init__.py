"""Slipstream's API for Python: `Client` and `AsyncClient`, typed models, exceptions by code, live messages."""

from slipstream_client import models
from slipstream_client._async.client import AsyncClient
from slipstream_client._sync.client import Client
from slipstream_client.errors import (
    ApiError,
    BadToken,
    Conflict,
    Forbidden,
    InvalidInput,
    LiveClosed,
    NoAnswer,
    NotFound,
    ServerFailed,
    SlipstreamError,
    Throttled,
    WaitTimeout,
)
from slipstream_client.live import LiveMessage, TopicRefused
from slipstream_client.retrying import Retries

__all__ = [
    "ApiError",
    "AsyncClient",
    "BadToken",
    "Client",
    "Conflict",
    "Forbidden",
    "InvalidInput",
    "LiveClosed",
    "LiveMessage",
    "NoAnswer",
    "NotFound",
    "Retries",
    "ServerFailed",
    "SlipstreamError",
    "Throttled",
    "TopicRefused",
    "WaitTimeout",
    "models",
]
