"""The routes of data keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from sealring.admission.guard import Call, Route
from sealring.admission.replies import Reply
from sealring.domain.principal import Permission
from sealring.errors import CiphertextRejected
from sealring.http.objects import answers, render, requests
from sealring.services.data_keys import DataKeys


class KeyViews:
    def __init__(self, data_keys: DataKeys) -> None:
        self._data_keys = data_keys

    def create(self, call: Call) -> Reply:
        pair = self._data_keys.create(call.caller, call.body["context"])
        return Reply.json(200, render.data_key_pair(pair))

    def decrypt(self, call: Call) -> Reply:
        pair = self._data_keys.decrypt(call.caller, _blob(call.body["keys"]))
        return Reply.json(200, render.data_key(pair))

    def rekey(self, call: Call) -> Reply:
        pair = self._data_keys.rekey(call.caller, _blob(call.body["encrypted_keys"]), call.body["context"])
        return Reply.json(200, render.data_key_pair(pair))

    def routes(self) -> Sequence[Route]:
        keys = "/vault/v1/keys"
        return (
            Route(
                "POST", f"{keys}/data-key", Permission.KEYS_USE, self.create, "Create a data key",
                {200: answers.DataKeyPair}, body=requests.CreateDataKey(),
            ),
            Route(
                "POST", f"{keys}/decrypt", Permission.KEYS_USE, self.decrypt, "Decrypt a data key",
                {200: answers.DataKey}, body=requests.DecryptDataKey(),
            ),
            Route(
                "POST", f"{keys}/rekey", Permission.KEYS_USE, self.rekey, "Wrap a data key for another context",
                {200: answers.DataKeyPair}, body=requests.RekeyDataKey(),
            ),
        )  # fmt: skip


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise CiphertextRejected("base64") from error
