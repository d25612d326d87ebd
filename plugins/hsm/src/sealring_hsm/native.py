"""Direct calls of a module's function list, for what python-pkcs11 cannot do or does slowly.

They are C_Initialize with locking; AES-GCM with our own buffers; and the frequent calls on keys, for which
python-pkcs11 would build a class each time. With our own buffers, a data key is decrypted into a bytearray, we can read
a nonce that the token made, and NSS works, which answers the query for the size wrongly.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, byref, c_char, c_ubyte, c_ulong, c_void_p
from dataclasses import dataclass
from pathlib import Path

from sealring_hsm.errors import by_code
from sealring_plugin import ConfigInvalid

TAG_BYTES = 16
CKF_OS_LOCKING_OK = 2
CKM_AES_KEY_GEN = 0x1080
CKM_AES_GCM = 0x1087

_CKR_OK = 0
_CKR_ALREADY_INITIALIZED = 0x191

_Bytes = POINTER(c_ubyte)
_Length = POINTER(c_ulong)


class _FunctionList(ctypes.Structure):
    _fields_ = (("version", c_ubyte * 2), ("slots", c_void_p * 68))  # CK_FUNCTION_LIST, v2.40


class _InitializeArgs(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS. NSS has its parameters in the place of `pReserved`, and `pReserved` after them."""

    _fields_ = (("mutexes", c_void_p * 4), ("flags", c_ulong), ("parameters", ctypes.c_char_p), ("reserved", c_void_p))


class _Mechanism(ctypes.Structure):
    _fields_ = (("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong))


class _GcmParams(ctypes.Structure):
    _fields_ = (
        ("iv", c_void_p),
        ("iv_bytes", c_ulong),
        ("iv_bits", c_ulong),
        ("aad", c_void_p),
        ("aad_bytes", c_ulong),
        ("tag_bits", c_ulong),
    )


class _Attribute(ctypes.Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("length", c_ulong))


_INITIALIZE = CFUNCTYPE(c_ulong, c_void_p)
_GENERATE_KEY = CFUNCTYPE(c_ulong, c_ulong, POINTER(_Mechanism), POINTER(_Attribute), c_ulong, _Length)
_WRAP_KEY = CFUNCTYPE(c_ulong, c_ulong, POINTER(_Mechanism), c_ulong, c_ulong, c_void_p, _Length)
_UNWRAP_KEY = CFUNCTYPE(
    c_ulong, c_ulong, POINTER(_Mechanism), c_ulong, c_void_p, c_ulong, POINTER(_Attribute), c_ulong, _Length
)
_CRYPT_INIT = CFUNCTYPE(c_ulong, c_ulong, POINTER(_Mechanism), c_ulong)
_CRYPT = CFUNCTYPE(c_ulong, c_ulong, c_void_p, c_ulong, c_void_p, _Length)
_DESTROY = CFUNCTYPE(c_ulong, c_ulong, c_ulong)
_INIT_TOKEN = CFUNCTYPE(c_ulong, c_ulong, c_void_p, c_ulong, c_void_p)


class Template:
    """Attributes packed as an array of CK_ATTRIBUTE. It keeps the values alive that the array points to."""

    def __init__(self, attributes: Mapping[int, bytes]) -> None:
        self._values = [ctypes.create_string_buffer(value, len(value)) for value in attributes.values()]
        self.array = (_Attribute * len(attributes))(
            *(
                _Attribute(kind, ctypes.addressof(value), len(value))
                for kind, value in zip(attributes, self._values, strict=True)
            )
        )

    def __len__(self) -> int:
        return len(self.array)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A GCM ciphertext with its tag, and the nonce in `pIv` after the call."""

    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A key's handle, and the session that uses it."""

    session: int
    key: int


class _Gcm:
    """CK_MECHANISM for AES-GCM. It keeps the buffers alive that the mechanism points to."""

    def __init__(self, iv: ctypes.Array[c_char], aad: bytes) -> None:
        self._alive = (iv, aad)
        address = ctypes.cast(ctypes.c_char_p(aad), c_void_p)
        self._params = _GcmParams(ctypes.addressof(iv), len(iv), 8 * len(iv), address, len(aad), 8 * TAG_BYTES)
        self.mechanism = _Mechanism(CKM_AES_GCM, ctypes.addressof(self._params), ctypes.sizeof(self._params))


class Cryptoki:
    """The function list of a loaded module. Its methods raise exceptions of python-pkcs11."""

    def __init__(self, module: Path) -> None:
        """Load the module, and replace its C_Initialize for all callers. Raises ConfigInvalid."""
        try:
            self._library = ctypes.CDLL(str(module))
            get_function_list = self._library.C_GetFunctionList
        except (OSError, AttributeError) as error:
            raise ConfigInvalid(f"module {module} cannot be loaded as a PKCS#11 module") from error
        self._args = _InitializeArgs(flags=CKF_OS_LOCKING_OK)
        pointer = POINTER(_FunctionList)()
        _check(get_function_list(byref(pointer)))
        slots = pointer.contents.slots
        self._initialize = _INITIALIZE(slots[0])
        self._finalize = _INITIALIZE(slots[1])
        self._init_token = _INIT_TOKEN(slots[9])
        self._destroy = _DESTROY(slots[22])
        self._encrypt_init = _CRYPT_INIT(slots[29])
        self._encrypt = _CRYPT(slots[30])
        self._decrypt_init = _CRYPT_INIT(slots[33])
        self._decrypt = _CRYPT(slots[34])
        self._generate_key = _GENERATE_KEY(slots[58])
        self._wrap_key = _WRAP_KEY(slots[60])
        self._unwrap_key = _UNWRAP_KEY(slots[61])
        self._hook = _INITIALIZE(lambda _: self._initialize_code())  # kept alive: the module holds its address
        slots[0] = ctypes.cast(self._hook, c_void_p)

    def configure(self, init_string: str) -> None:
        self._args = _InitializeArgs(flags=CKF_OS_LOCKING_OK, parameters=init_string.encode() or None)

    def initialize(self) -> None:
        """Initialise. If the module is already initialised (e.g. by a parent process), finalise it first."""
        code = self._initialize_code()
        if code == _CKR_ALREADY_INITIALIZED:
            self.finalize()
            code = self._initialize_code()
        _check(code)

    def finalize(self) -> None:
        """Finalise. A failure is ignored, because nothing is used afterwards."""
        self._finalize(None)

    def init_token(self, slot: int, so_pin: str, label: str) -> None:
        """Make an empty token in a slot. It erases the slot: the caller has checked that it is not initialised."""
        pin = so_pin.encode()
        _check(self._init_token(slot, pin, len(pin), label.encode().ljust(32)))

    def generate_key(self, session: int, template: Template) -> int:
        handle = c_ulong()
        mechanism = _Mechanism(CKM_AES_KEY_GEN, None, 0)
        _check(self._generate_key(session, byref(mechanism), template.array, len(template), byref(handle)))
        return handle.value

    def wrap_key(self, root: Held, code: int, key: int) -> bytes:
        out = ctypes.create_string_buffer(128)
        length = c_ulong(len(out))
        _check(self._wrap_key(root.session, byref(_Mechanism(code, None, 0)), root.key, key, out, byref(length)))
        return out.raw[: length.value]

    def unwrap_key(self, root: Held, code: int, wrapped: bytes, template: Template) -> int:
        handle = c_ulong()
        mechanism = _Mechanism(code, None, 0)
        source = (wrapped, len(wrapped), template.array, len(template))
        _check(self._unwrap_key(root.session, byref(mechanism), root.key, *source, byref(handle)))
        return handle.value

    def destroy(self, session: int, key: int) -> None:
        _check(self._destroy(session, key))

    def gcm_encrypt(self, held: Held, nonce: bytes, plaintext: bytes | bytearray, aad: bytes) -> Sealed:
        """Encrypt. `nonce` is the content of `pIv`, which the token may overwrite."""
        iv = ctypes.create_string_buffer(nonce, len(nonce))
        out = ctypes.create_string_buffer(len(plaintext) + 2 * TAG_BYTES)  # room for an appended nonce
        length = c_ulong(len(out))
        source = _view(plaintext) if isinstance(plaintext, bytearray) else plaintext
        gcm = _Gcm(iv, aad)
        _check(self._encrypt_init(held.session, byref(gcm.mechanism), held.key))
        _check(self._encrypt(held.session, source, len(plaintext), out, byref(length)))
        return Sealed(iv.raw, out.raw[: length.value])

    def gcm_decrypt(self, held: Held, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytearray:
        out = bytearray(len(ciphertext))
        length = c_ulong(len(out))
        iv = ctypes.create_string_buffer(nonce, len(nonce))
        gcm = _Gcm(iv, aad)
        _check(self._decrypt_init(held.session, byref(gcm.mechanism), held.key))
        _check(self._decrypt(held.session, ciphertext, len(ciphertext), _view(out), byref(length)))
        del out[length.value :]
        return out

    def _initialize_code(self) -> int:
        code: int = self._initialize(ctypes.addressof(self._args))
        return code


def _check(code: int) -> None:
    if code != _CKR_OK:
        raise by_code(code)


def _view(buffer: bytearray) -> ctypes.Array[c_char]:
    return (c_char * len(buffer)).from_buffer(buffer)
