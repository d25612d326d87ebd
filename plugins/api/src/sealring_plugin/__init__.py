"""The contract between sealring and the key providers that plug into it."""

from sealring_plugin.errors import (
    AccessDenied,
    CiphertextRejected,
    ConfigInvalid,
    ContextMismatch,
    DeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)
from sealring_plugin.protocols import Announces, CreatesKeys, Provider
from sealring_plugin.spec import API_VERSION, ENTRY_POINT_GROUP, ConfigField, ConfigValue, ProviderSpec
from sealring_plugin.values import DEK_BYTES, MAX_WRAPPED_BYTES, Call, KeyRef, Purpose, WrapBinding, WrappedKey

__all__ = [
    "API_VERSION",
    "DEK_BYTES",
    "ENTRY_POINT_GROUP",
    "MAX_WRAPPED_BYTES",
    "AccessDenied",
    "Announces",
    "Call",
    "CiphertextRejected",
    "ConfigField",
    "ConfigInvalid",
    "ConfigValue",
    "ContextMismatch",
    "CreatesKeys",
    "DeadlineExceeded",
    "KeyDestroyed",
    "KeyDisabled",
    "KeyNotFound",
    "KeyPendingDeletion",
    "KeyRef",
    "Provider",
    "ProviderError",
    "ProviderSpec",
    "Purpose",
    "Throttled",
    "Unavailable",
    "Unsupported",
    "WrapBinding",
    "WrappedKey",
    "WrongRegion",
]
