"""The routes of objects: eight of WorkOS Vault, and our own for versions and deleted objects."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.principal import Permission
from sealring.domain.record import ObjectRecord
from sealring.errors import (
    AmbiguousName,
    InvalidBody,
    KeyContextFixed,
    NameTaken,
    NotFound,
    QuotaExceeded,
    VersionConflict,
)
from sealring.http.failures import BODY, CONTEXT, KEYS, REPEATABLE
from sealring.http.objects import answers, render, requests, said
from sealring.http.organizations import named_organization
from sealring.http.schemas import Nothing
from sealring.services.listing import Lists
from sealring.services.objects import Objects
from sealring.services.versions import Versions

TAG = "Objects"
KV, OURS = "/vault/v1/kv", "/sealring/v1/kv"
REPLAYED = (("Idempotent-Replayed", "true"),)  # as Stripe names it; no standard has a name


class ObjectViews:
    def __init__(self, objects: Objects, versions: Versions, lists: Lists) -> None:
        self._objects = objects
        self._versions = versions
        self._lists = lists

    def create(self, request: AdmittedRequest) -> Reply:
        body = request.body
        record = self._objects.create(
            request.caller, name=body["name"], value=body["value"], context=body["key_context"]
        )
        return _written(201, render.metadata(record), record)

    def list(self, request: AdmittedRequest) -> Reply:
        page = self._lists.list(request.caller, said.list_options(request))
        return Reply.json(200, render.listing(page))

    def read(self, request: AdmittedRequest) -> Reply:
        opened = self._objects.read(request.caller, request.path["object_id"])
        return Reply.json(200, render.with_value(opened))

    def read_by_name(self, request: AdmittedRequest) -> Reply:
        org = said.organization(request.query)
        opened = self._objects.read_by_name(request.caller, request.path["name"], org)
        return Reply.json(200, render.with_value(opened))

    def read_value(self, request: AdmittedRequest) -> Reply:
        query = request.query
        org = named_organization(query["organization_id"])
        opened = self._objects.read_property(request.caller, query["name"], org, query["property"])
        return Reply.json(200, render.with_value(opened))

    def update(self, request: AdmittedRequest) -> Reply:
        record = self._objects.update(
            request.caller,
            request.path["object_id"],
            value=request.body["value"],
            version_check=request.body["version_check"],
            contexts=said.sent_contexts(request),
        )
        return _written(201, render.without_value(record), record)

    def delete(self, request: AdmittedRequest) -> Reply:
        record = self._objects.delete(
            request.caller, request.path["object_id"], version_check=request.query["version_check"]
        )
        return _written(200, {"success": True, "name": record.name}, record)

    def describe(self, request: AdmittedRequest) -> Reply:
        record = self._objects.describe(request.caller, request.path["object_id"])
        return Reply.json(200, render.without_value(record))

    def list_versions(self, request: AdmittedRequest) -> Reply:
        summaries = self._versions.list(request.caller, request.path["object_id"])
        return Reply.json(200, render.versions(summaries))

    def read_version(self, request: AdmittedRequest) -> Reply:
        opened = self._versions.read(request.caller, request.path["object_id"], request.path["version_id"])
        return Reply.json(200, render.with_value(opened))

    def restore(self, request: AdmittedRequest) -> Reply:
        record = self._objects.restore(request.caller, request.path["object_id"])
        return _written(200, render.without_value(record), record)

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                KV,
                Permission.OBJECTS_CREATE,
                self.create,
                stranger=403,
                answers={201: answers.ObjectMetadata},
                body=requests.CreateObject(),
                repeatable=True,
                id="createObject",
                tag=TAG,
                summary="Create an object",
                text="Seals the value and stores it as a new object. Returns its metadata, never the value. A key "
                "context without `organization_id` (or `organizationId`) needs a token for all organizations.",
                failures=(*CONTEXT, NameTaken, QuotaExceeded, *KEYS, *REPEATABLE),
            ),
            Route(
                "GET",
                KV,
                Permission.OBJECTS_LIST,
                self.list,
                stranger=200,
                answers={200: answers.ObjectList},
                query=requests.ListQuery(),
                id="listObjects",
                tag=TAG,
                summary="List objects",
                text="The live objects of the token's organizations, by `updated_at` and id. Follow `after` until "
                "it is null: no object appears twice, and only objects that were written meanwhile can be missing. "
                "Clients that send `list_metadata.before` as `after` move forward too. Touches no key.",
            ),
            Route(
                "GET",
                f"{KV}/name/<whole:name>",
                Permission.OBJECTS_READ,
                self.read_by_name,
                stranger=404,
                answers={200: answers.Object},
                query=requests.NameQuery(),
                id="readObjectByName",
                tag=TAG,
                summary="Read an object by name",
                text="The live object of that name, with its value. Slashes of the name may be percent-encoded or not.",
                failures=(NotFound, AmbiguousName, *KEYS),
            ),
            Route(
                "GET",
                f"{KV}/<object_id>",
                Permission.OBJECTS_READ,
                self.read,
                stranger=404,
                answers={200: answers.Object},
                id="readObject",
                tag=TAG,
                summary="Read an object",
                text="A live object with its value. The audit event is stored before the value is sent.",
                failures=(NotFound, *KEYS),
            ),
            Route(
                "PUT",
                f"{KV}/<object_id>",
                Permission.OBJECTS_UPDATE,
                self.update,
                stranger=404,
                answers={201: answers.ObjectWithoutValue},
                body=requests.UpdateObject(),
                repeatable=True,
                id="updateObject",
                tag=TAG,
                summary="Update an object",
                text="Seals a new value under the object's own key context, and keeps the previous one as a version.",
                failures=(
                    *CONTEXT,
                    KeyContextFixed,
                    NotFound,
                    VersionConflict,
                    QuotaExceeded,
                    *KEYS,
                    *REPEATABLE,
                ),
            ),
            Route(
                "DELETE",
                f"{KV}/<object_id>",
                Permission.OBJECTS_DELETE,
                self.delete,
                stranger=404,
                answers={200: answers.Deleted},
                query=requests.DeleteQuery(),
                repeatable=True,
                id="deleteObject",
                tag=TAG,
                summary="Delete an object",
                text="From now on, the object cannot be read, and its name is free. It can be restored for "
                "`deleted_retention_days` (a setting; 30 by default). Touches no key.",
                failures=(NotFound, VersionConflict, *REPEATABLE),
            ),
            Route(
                "GET",
                f"{KV}/<object_id>/metadata",
                Permission.OBJECTS_READ,
                self.describe,
                stranger=404,
                answers={200: answers.ObjectWithoutValue},
                id="describeObject",
                tag=TAG,
                summary="Describe an object",
                text="A live object without its value. Touches no key.",
                failures=(NotFound,),
            ),
            Route(
                "GET",
                f"{KV}/<object_id>/versions",
                Permission.OBJECTS_READ,
                self.list_versions,
                stranger=404,
                answers={200: answers.VersionList},
                id="listObjectVersions",
                tag=TAG,
                summary="List an object's versions",
                text="All versions of a live object. Touches no key.",
                failures=(NotFound,),
            ),
            Route(
                "GET",
                f"{OURS}/<object_id>/versions/<version_id>",
                Permission.OBJECTS_READ,
                self.read_version,
                stranger=404,
                answers={200: answers.Object},
                query=Nothing(),
                id="readObjectVersion",
                tag=TAG,
                summary="Read one version of an object",
                text="A live object as it was in one version, with the value of that version.",
                failures=(NotFound, *KEYS),
            ),
            Route(
                "GET",
                f"{OURS}/value",
                Permission.OBJECTS_READ,
                self.read_value,
                stranger=403,
                answers={200: answers.Object},
                query=requests.ValueQuery(),
                id="readValue",
                tag=TAG,
                summary="Read a value, or one property of it, by name",
                text="For clients that write every part of a request into the query, such as the External Secrets "
                "Operator. An organization that the token lacks is 403, whatever exists; so 404 only means that an "
                "organization of the token has no such object. A property that is no string is answered as JSON.",
                failures=(InvalidBody, NotFound, *KEYS),
            ),
            Route(
                "POST",
                f"{OURS}/<object_id>/restore",
                Permission.OBJECTS_RESTORE,
                self.restore,
                stranger=404,
                answers={200: answers.ObjectWithoutValue},
                body=Nothing(),
                query=Nothing(),
                repeatable=True,
                id="restoreObject",
                tag=TAG,
                summary="Restore a deleted object",
                text="Brings a deleted object back under its name; a live one does not change. The body is empty, "
                "or `{}`. Touches no key.",
                failures=(*BODY, NotFound, NameTaken, *REPEATABLE),
            ),
        )


def _written(status: int, payload: render.Json, record: ObjectRecord) -> Reply:
    reply = Reply.json(status, payload)
    if record.recalled:
        reply.headers = REPLAYED
    return reply
