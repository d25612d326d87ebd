"""The routes of batches: many items in one request, each with a result or an error of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.principal import Permission
from sealring.errors import (
    AmbiguousName,
    CiphertextRejected,
    Forbidden,
    IntegrityFailure,
    InvalidBody,
    InvalidKeyContext,
    NameTaken,
    NotFound,
    NotReached,
    PayloadTooLarge,
    QuotaExceeded,
    RateLimited,
    StoreFull,
    StoreUnavailable,
    TooManyRequests,
    WriteContention,
)
from sealring.http.batches import answers, quick, render, requests
from sealring.http.failures import BODY, KEYS, REPEATABLE
from sealring.http.organizations import named_organization
from sealring.services.items import Items, PlainItem
from sealring.services.object_batches import NewObject, ObjectBatches, Wanted

TAG = "Batches"
BATCH = "/sealring/v1/batch"

_ITEM = (InvalidBody, RateLimited, TooManyRequests, NotReached)
_OBJECT = (*_ITEM, Forbidden, PayloadTooLarge, *KEYS, StoreUnavailable, StoreFull)

Members = Mapping[str, Any]


class BatchViews:
    def __init__(self, items: Items, objects: ObjectBatches) -> None:
        self._items = items
        self._objects = objects

    def encrypt(self, request: AdmittedRequest) -> Reply:
        good, bad = requests.loaded(requests.EncryptBatch, request.body, _plain, quick.plain_items)
        results = self._items.encrypt(request.caller, list(good.values()))
        return render.batch(results | bad, render.ciphertext, len)

    def decrypt(self, request: AdmittedRequest) -> Reply:
        good, bad = requests.loaded(requests.DecryptBatch, request.body, _ciphertext, quick.ciphertexts)
        results = self._items.decrypt(request.caller, good)
        return render.batch(results | bad, render.plaintext, len)

    def create(self, request: AdmittedRequest) -> Reply:
        good, bad = requests.loaded(requests.CreateBatch, request.body, _new)
        results = self._objects.create(request.caller, good)
        return render.batch(results | bad, render.created, lambda _record: 0)

    def read(self, request: AdmittedRequest) -> Reply:
        good, bad = requests.loaded(requests.ReadBatch, request.body, _wanted)
        results = self._objects.read(request.caller, good)
        return render.batch(results | bad, render.read, lambda opened: len(opened.value))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                f"{BATCH}/encrypt",
                Permission.KEYS_USE,
                self.encrypt,
                stranger=200,
                answers={200: answers.EncryptedBatch},
                body=requests.EncryptBatch(),
                items=(*_ITEM, Forbidden, InvalidKeyContext, QuotaExceeded, *KEYS, WriteContention),
                id="encryptBatch",
                tag=TAG,
                summary="Encrypt a batch",
                text="Encrypts each item under the key of its key context. Keep the ciphertexts: the server does not "
                "store them. Items with one key context have one data key, and each a key of its own derived from it.",
                failures=BODY,
            ),
            Route(
                "POST",
                f"{BATCH}/decrypt",
                Permission.KEYS_USE,
                self.decrypt,
                stranger=200,
                answers={200: answers.DecryptedBatch},
                body=requests.DecryptBatch(),
                items=(*_ITEM, CiphertextRejected, *KEYS, WriteContention),
                id="decryptBatch",
                tag=TAG,
                summary="Decrypt a batch",
                text="Decrypts what `encryptBatch` returned. Every ciphertext that cannot be opened gets the same "
                "error, whatever the cause.",
                failures=BODY,
            ),
            Route(
                "POST",
                f"{BATCH}/create",
                Permission.OBJECTS_CREATE,
                self.create,
                stranger=200,
                answers={200: answers.CreatedBatch},
                body=requests.CreateBatch(),
                repeatable=True,
                items=(*_OBJECT, InvalidKeyContext, NameTaken, QuotaExceeded, *REPEATABLE),
                id="createObjects",
                tag=TAG,
                summary="Create objects",
                text="Creates each object as `createObject` does, with a data key of its own. With an "
                "`Idempotency-Key`, a retry creates only those that are missing.",
                failures=BODY,
            ),
            Route(
                "POST",
                f"{BATCH}/read",
                Permission.OBJECTS_READ,
                self.read,
                stranger=200,
                answers={200: answers.ReadBatchAnswer},
                body=requests.ReadBatch(),
                items=(*_OBJECT, NotFound, AmbiguousName, IntegrityFailure, WriteContention),
                id="readObjects",
                tag=TAG,
                summary="Read objects",
                text="Reads each object by its id or by its name, as `readObject` and `readObjectByName` do.",
                failures=BODY,
            ),
        )


def _plain(place: int, item: Members) -> PlainItem:
    return PlainItem(place, item["key_context"], item["plaintext"])


def _ciphertext(_place: int, item: Members) -> bytes:
    blob: bytes = item["ciphertext"]
    return blob


def _new(_place: int, item: Members) -> NewObject:
    return NewObject(item["name"], item["value"], item["key_context"])


def _wanted(_place: int, item: Members) -> Wanted:
    object_id, name, org = item["id"], item["name"], item["organization_id"]
    if (object_id is None) == (name is None) or (org is not None and name is None):
        raise InvalidBody("item: Send an id, or a name with or without an organization_id.")
    return Wanted(object_id or "", name or "", None if org is None else named_organization(org))
