"""The routes of data keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.principal import Permission
from sealring.errors import CiphertextRejected, QuotaExceeded
from sealring.http.data_keys import answers, render, requests
from sealring.http.failures import BODY, CONTEXT, KEYS, WRITE
from sealring.services.data_keys import DataKeys

TAG = "Data keys"


class DataKeyViews:
    def __init__(self, data_keys: DataKeys) -> None:
        self._data_keys = data_keys

    def create(self, request: AdmittedRequest) -> Reply:
        pair = self._data_keys.create(request.caller, request.body["context"])
        return Reply.json(200, render.data_key_pair(pair))

    def decrypt(self, request: AdmittedRequest) -> Reply:
        pair = self._data_keys.decrypt(request.caller, _blob(request.body["keys"]))
        return Reply.json(200, render.data_key(pair))

    def rekey(self, request: AdmittedRequest) -> Reply:
        pair = self._data_keys.rekey(request.caller, _blob(request.body["encrypted_keys"]), request.body["context"])
        return Reply.json(200, render.data_key_pair(pair))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                "/vault/v1/keys/data-key",
                Permission.KEYS_USE,
                self.create,
                stranger=403,
                answers={200: answers.DataKeyPair},
                body=requests.CreateDataKey(),
                id="createDataKey",
                tag=TAG,
                summary="Create a data key",
                text="A fresh key of 32 bytes, in plaintext and wrapped. Encrypt with the plaintext key and forget it; "
                "keep the wrapped one.",
                failures=(*CONTEXT, QuotaExceeded, *KEYS, *WRITE),
            ),
            Route(
                "POST",
                "/vault/v1/keys/decrypt",
                Permission.KEYS_USE,
                self.decrypt,
                stranger=400,
                answers={200: answers.DataKey},
                body=requests.DecryptDataKey(),
                id="decryptDataKey",
                tag=TAG,
                summary="Decrypt a data key",
                text="The data key in plaintext. Every blob that cannot be opened gets the same error, whatever the "
                "cause.",
                failures=(*BODY, CiphertextRejected, *KEYS),
            ),
            Route(
                "POST",
                "/vault/v1/keys/rekey",
                Permission.KEYS_USE,
                self.rekey,
                stranger=403,
                answers={200: answers.DataKeyPair},
                body=requests.RekeyDataKey(),
                id="rekeyDataKey",
                tag=TAG,
                summary="Wrap a data key for another context",
                text="The same data key with the same id, wrapped for another key context. Data that it encrypted does "
                "not change.",
                failures=(*CONTEXT, CiphertextRejected, QuotaExceeded, *KEYS, *WRITE),
            ),
        )


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise CiphertextRejected("base64") from error
