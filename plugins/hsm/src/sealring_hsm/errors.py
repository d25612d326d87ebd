"""The meaning of the token's failures, in one table keyed by the exceptions of python-pkcs11."""

from __future__ import annotations

from collections.abc import Mapping

from pkcs11 import exceptions as p11

from sealring_plugin import (
    CiphertextRejected,
    ConfigInvalid,
    PinRefused,
    ProviderError,
    RootLost,
    Unavailable,
    Unsupported,
)


class NotInitialized(p11.PKCS11Error):
    """CKR_CRYPTOKI_NOT_INITIALIZED, for which python-pkcs11 has no exception."""


class ActionProhibited(p11.PKCS11Error):
    """CKR_ACTION_PROHIBITED, for which python-pkcs11 has no exception: the object may not be modified or copied."""


class KeyFunctionNotPermitted(p11.PKCS11Error):
    """CKR_KEY_FUNCTION_NOT_PERMITTED, for which python-pkcs11 has no exception."""


class Doubtful(Exception):
    """Either the ciphertext is wrong or the token fails; a check of the canary decides."""


# Only after one of these, the module is initialised again and the call retried once.
LOST = (
    p11.DeviceError,
    p11.DeviceMemory,
    p11.DeviceRemoved,
    p11.SessionClosed,
    p11.SessionHandleInvalid,
    p11.TokenNotPresent,
    p11.TokenNotRecognised,
    p11.ObjectHandleInvalid,
    p11.KeyHandleInvalid,  # some calls and some modules return it instead of OBJECT_HANDLE_INVALID
    p11.UnwrappingKeyHandleInvalid,
    p11.WrappingKeyHandleInvalid,
    p11.UserNotLoggedIn,  # the token was reset, or another application logged it out
    NotInitialized,
)

# Some tokens return these for a wrong tag (SoftHSM 2.6.1: GENERAL_ERROR), and others if they are broken. A check of the
# canary decides which of the two it was.
AMBIGUOUS = (p11.GeneralError, p11.FunctionFailed, p11.DataInvalid, p11.DataLenRange, p11.ArgumentsBad)

_MEANINGS: Mapping[type[p11.PKCS11Error], tuple[type[ProviderError], str]] = {
    p11.EncryptedDataInvalid: (CiphertextRejected, "does not open under this key and context"),
    p11.EncryptedDataLenRange: (CiphertextRejected, "does not open under this key and context"),
    p11.WrappedKeyInvalid: (CiphertextRejected, "the key's material does not open under its root"),
    p11.WrappedKeyLenRange: (CiphertextRejected, "the key's material does not open under its root"),
    p11.PinIncorrect: (PinRefused, "the token refuses the PIN of pin_file; we do not retry until it changes"),
    p11.PinInvalid: (ConfigInvalid, "the token refuses the PIN of pin_file"),
    p11.PinLenRange: (ConfigInvalid, "the PIN of pin_file has a length that the token refuses"),
    p11.PinLocked: (ConfigInvalid, "the PIN is locked after too many wrong ones; the security officer can reset it"),
    p11.PinExpired: (ConfigInvalid, "the PIN has expired; set a new one with the tools of the token"),
    p11.UserPinNotInitialized: (ConfigInvalid, "the token has no user PIN yet"),
    p11.NoSuchToken: (
        RootLost,
        "there is no token with this token_label: plug it in, restore its folder from its backup, or check token_label",
    ),
    p11.MultipleTokensReturned: (ConfigInvalid, "there are several tokens with this token_label"),
    p11.MultipleObjectsReturned: (ConfigInvalid, "there are several root keys of this domain and epoch on the token"),
    p11.TokenWriteProtected: (ConfigInvalid, "the token is write-protected"),
    p11.SessionReadOnly: (ConfigInvalid, "the token allows no read-write session"),
    p11.SessionCount: (Unavailable, "the token has no session left; lower session_limit or the number of workers"),
    p11.MechanismInvalid: (Unsupported, "the token lacks a mechanism that is needed; see `sealring hsm probe`"),
    p11.MechanismParamInvalid: (Unsupported, "the token refuses the parameters of AES-GCM; check iv_mode"),
    p11.FunctionNotSupported: (Unsupported, "the token lacks a function that is needed; see `sealring hsm probe`"),
    p11.KeyNotWrappable: (Unsupported, "the root may not wrap keys: was it made by `sealring hsm init-root`?"),
    p11.KeyUnextractable: (Unsupported, "the token cannot wrap its keys, because it makes them unextractable"),
    KeyFunctionNotPermitted: (
        Unsupported,
        "the root may not wrap and unwrap: was it made by `sealring hsm init-root`?",
    ),
    p11.TemplateInconsistent: (Unsupported, "the token refuses the attributes of a key; see `sealring hsm probe`"),
    p11.TemplateIncomplete: (Unsupported, "the token refuses the attributes of a key; see `sealring hsm probe`"),
    p11.AttributeValueInvalid: (Unsupported, "the token refuses the attributes of a key; see `sealring hsm probe`"),
    p11.AttributeTypeInvalid: (Unsupported, "the token refuses the attributes of a key; see `sealring hsm probe`"),
}

_UNNAMED: Mapping[int, type[p11.PKCS11Error]] = {
    0x01B: ActionProhibited,
    0x068: KeyFunctionNotPermitted,
    0x190: NotInitialized,
}

# Return values of the calls in native.py (PKCS #11 v2.40 section 5.1).
_BY_CODE: Mapping[int, type[p11.PKCS11Error]] = {
    **_UNNAMED,
    0x002: p11.HostMemory,
    0x005: p11.GeneralError,
    0x006: p11.FunctionFailed,
    0x007: p11.ArgumentsBad,
    0x010: p11.AttributeReadOnly,
    0x011: p11.AttributeSensitive,
    0x012: p11.AttributeTypeInvalid,
    0x013: p11.AttributeValueInvalid,
    0x020: p11.DataInvalid,
    0x021: p11.DataLenRange,
    0x030: p11.DeviceError,
    0x031: p11.DeviceMemory,
    0x032: p11.DeviceRemoved,
    0x040: p11.EncryptedDataInvalid,
    0x041: p11.EncryptedDataLenRange,
    0x054: p11.FunctionNotSupported,
    0x060: p11.KeyHandleInvalid,
    0x063: p11.KeyTypeInconsistent,
    0x069: p11.KeyNotWrappable,
    0x06A: p11.KeyUnextractable,
    0x070: p11.MechanismInvalid,
    0x071: p11.MechanismParamInvalid,
    0x082: p11.ObjectHandleInvalid,
    0x090: p11.OperationActive,
    0x0B0: p11.SessionClosed,
    0x0B1: p11.SessionCount,
    0x0B3: p11.SessionHandleInvalid,
    0x0D0: p11.TemplateIncomplete,
    0x0D1: p11.TemplateInconsistent,
    0x0E0: p11.TokenNotPresent,
    0x0E1: p11.TokenNotRecognised,
    0x0E2: p11.TokenWriteProtected,
    0x0F0: p11.UnwrappingKeyHandleInvalid,
    0x101: p11.UserNotLoggedIn,
    0x110: p11.WrappedKeyInvalid,
    0x112: p11.WrappedKeyLenRange,
    0x113: p11.WrappingKeyHandleInvalid,
}


def by_code(code: int) -> p11.PKCS11Error:
    """Return the exception for a return value of PKCS#11."""
    return _BY_CODE.get(code, p11.PKCS11Error)(f"code {code:#x}")


def named(error: p11.PKCS11Error) -> p11.PKCS11Error:
    """Return the exception itself, or ours if python-pkcs11 has none for its code."""
    if type(error) is p11.PKCS11Error:
        for code, kind in _UNNAMED.items():
            if str(error).endswith(f" {code:#x}"):
                return kind(str(error))
    return error


def translated(error: p11.PKCS11Error) -> ProviderError:
    """Return the ProviderError for a failure of the token: Unavailable if the table does not have it."""
    failure, message = _MEANINGS.get(type(error), (Unavailable, "the token failed"))
    return failure(f"{message} ({type(error).__name__})")
