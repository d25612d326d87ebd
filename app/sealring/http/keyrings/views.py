"""The routes of keyrings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.envelope_texts import data_of, encrypted_of
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Permission
from sealring.errors import EnvelopeRejected, QuotaExceeded
from sealring.fibers import heavy
from sealring.http.failures import BODY, KEYS, WRITE
from sealring.http.keyrings import answers, render, requests
from sealring.http.schemas import Nothing
from sealring.many import bare
from sealring.services.keyrings import Keyrings

TAG = "Keyrings"
_RING = "/sealring/v1/keyrings/<whole:ring>"
_USE = Permission.KEYRINGS_USE


class KeyringViews:
    def __init__(self, keyrings: Keyrings) -> None:
        self._keyrings = keyrings

    def encrypt(self, request: AdmittedRequest) -> Reply:
        items = {name: _data(value) for name, value in request.body["items"].items()}
        return Reply.json(200, render.encrypted(self._keyrings.encrypt_all(_ring(request), items, request.caller)))

    def decrypt(self, request: AdmittedRequest) -> Reply:
        read = {name: _read(text) for name, text in request.body["items"].items()}
        return Reply.json(200, render.decrypted(self._keyrings.decrypt_each(_ring(request), read, request.caller)))

    def rotate(self, request: AdmittedRequest) -> Reply:
        return Reply.json(200, render.key(self._keyrings.rotate(_ring(request), request.caller)))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                f"{_RING}/encrypt",
                _USE,
                self.encrypt,
                stranger=403,
                answers={200: answers.EncryptedItems},
                body=requests.Encrypt(),
                id="encryptWithKeyring",
                tag=TAG,
                summary="Encrypt with a keyring",
                text="Encrypt values under the newest key of a keyring, which is made if there is none. The server "
                "keeps the key, and no value.",
                failures=(*BODY, QuotaExceeded, *KEYS, *WRITE),
            ),
            Route(
                "POST",
                f"{_RING}/decrypt",
                _USE,
                self.decrypt,
                stranger=403,
                answers={200: answers.DecryptedItems},
                body=requests.Decrypt(),
                id="decryptWithKeyring",
                tag=TAG,
                summary="Decrypt with a keyring",
                text="Decrypt each value that the keyring encrypted. One that it did not encrypt is refused, and does "
                "not keep the others from being decrypted.",
                failures=(*BODY, *KEYS, *WRITE),
            ),
            Route(
                "POST",
                f"{_RING}/rotate",
                _USE,
                self.rotate,
                stranger=403,
                answers={200: answers.Key},
                body=Nothing(),
                id="rotateKeyring",
                tag=TAG,
                summary="Make a new key of a keyring",
                text="New values are encrypted under it. What earlier keys encrypted can still be decrypted.",
                failures=(*BODY, QuotaExceeded, *KEYS, *WRITE),
            ),
        )


def _ring(request: AdmittedRequest) -> Keyring:
    return Keyring(request.path["ring"])


def _data(plaintext: str) -> bytes:
    return heavy(partial(data_of, plaintext), len(plaintext))


def _read(text: str) -> bytes | EnvelopeRejected:
    try:
        return heavy(partial(encrypted_of, text), len(text))
    except EnvelopeRejected as refusal:
        return bare(refusal)
