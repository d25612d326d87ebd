"""The routes of objects: eight of the compatible ones, and our own for versions and deleted objects."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.guard import Call, Route
from sealring.admission.replies import Reply
from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId, org_id
from sealring.domain.ports import Order
from sealring.domain.principal import Permission
from sealring.errors import MalformedRequest
from sealring.http.objects import answers, render, requests
from sealring.http.timestamps import parse_moment
from sealring.services.listing import ListOptions, Lists
from sealring.services.objects import Objects
from sealring.services.versions import Versions


class KvViews:
    def __init__(self, objects: Objects, versions: Versions, lists: Lists) -> None:
        self._objects = objects
        self._versions = versions
        self._lists = lists

    def create(self, call: Call) -> Reply:
        body = call.body
        record = self._objects.create(call.caller, name=body["name"], value=body["value"], context=body["key_context"])
        return Reply.json(201, render.metadata(record))

    def list(self, call: Call) -> Reply:
        page = self._lists.list(call.caller, _list_options(call))
        return Reply.json(200, render.listing(page))

    def read(self, call: Call) -> Reply:
        opened = self._objects.read(call.caller, call.path["object_id"])
        return Reply.json(200, render.with_value(opened))

    def read_by_name(self, call: Call) -> Reply:
        org = _organization(call.query["organization_id"])
        opened = self._objects.read_by_name(call.caller, call.path["name"], org)
        return Reply.json(200, render.with_value(opened))

    def update(self, call: Call) -> Reply:
        record = self._objects.update(
            call.caller,
            call.path["object_id"],
            value=call.body["value"],
            version_check=call.body["version_check"],
            contexts=_sent_contexts(call),
        )
        return Reply.json(201, render.without_value(record))

    def delete(self, call: Call) -> Reply:
        record = self._objects.delete(call.caller, call.path["object_id"], version_check=call.query["version_check"])
        return Reply.json(200, {"success": True, "name": record.name})

    def describe(self, call: Call) -> Reply:
        record = self._objects.describe(call.caller, call.path["object_id"])
        return Reply.json(200, render.without_value(record))

    def list_versions(self, call: Call) -> Reply:
        summaries = self._versions.list(call.caller, call.path["object_id"])
        return Reply.json(200, render.versions(summaries))

    def read_version(self, call: Call) -> Reply:
        opened = self._versions.read(call.caller, call.path["object_id"], call.path["version_id"])
        return Reply.json(200, render.with_value(opened))

    def restore(self, call: Call) -> Reply:
        record = self._objects.restore(call.caller, call.path["object_id"])
        return Reply.json(200, render.without_value(record))

    def routes(self) -> Sequence[Route]:
        kv, ours = "/vault/v1/kv", "/sealring/v1/kv"
        one = f"{kv}/<object_id>"
        return (
            Route(
                "POST", kv, Permission.OBJECTS_CREATE, self.create, "Create an object",
                {201: answers.ObjectMetadata}, body=requests.CreateObject(), repeatable=True,
            ),
            Route(
                "GET", kv, Permission.OBJECTS_LIST, self.list, "List objects",
                {200: answers.ObjectList}, query=requests.ListQuery(),
            ),
            Route(
                "GET", f"{kv}/name/<whole:name>", Permission.OBJECTS_READ, self.read_by_name, "Read an object by name",
                {200: answers.Object}, query=requests.NameQuery(),
            ),
            Route("GET", one, Permission.OBJECTS_READ, self.read, "Read an object", {200: answers.Object}),
            Route(
                "PUT", one, Permission.OBJECTS_UPDATE, self.update, "Update an object",
                {201: answers.ObjectWithoutValue}, body=requests.UpdateObject(), repeatable=True,
            ),
            Route(
                "DELETE", one, Permission.OBJECTS_DELETE, self.delete, "Delete an object",
                {200: answers.Deleted}, query=requests.DeleteQuery(), repeatable=True,
            ),
            Route(
                "GET", f"{one}/metadata", Permission.OBJECTS_READ, self.describe, "Describe an object",
                {200: answers.ObjectWithoutValue},
            ),
            Route(
                "GET", f"{one}/versions", Permission.OBJECTS_READ, self.list_versions, "List an object's versions",
                {200: answers.VersionList},
            ),
            Route(
                "GET", f"{ours}/<object_id>/versions/<version_id>", Permission.OBJECTS_READ, self.read_version,
                "Read one version of an object", {200: answers.Object}, query=requests.Nothing(),
            ),
            Route(
                "POST", f"{ours}/<object_id>/restore", Permission.OBJECTS_RESTORE, self.restore,
                "Restore a deleted object", {200: answers.ObjectWithoutValue},
                body=requests.Nothing(), query=requests.Nothing(), repeatable=True,
            ),
        )  # fmt: skip


def _list_options(call: Call) -> ListOptions:
    query = call.query
    moment = query["updatedAfter"] or query["updated_after"] or None
    return ListOptions(
        limit=query["limit"],
        order=None if query["order"] is None else Order(query["order"]),
        before=query["before"] or None,
        after=query["after"] or None,
        search=query["search"],
        updated_after=None if moment is None else parse_moment(moment),
    )


def _sent_contexts(call: Call) -> Sequence[KeyContext]:
    return [context for context in (call.body["key_context"], call.body["context"]) if context is not None]


def _organization(text: str | None) -> OrgId | None:
    if text is None:
        return None
    org = org_id(text)
    if org is None:
        raise MalformedRequest("Query parameter organization_id: 1 to 64 letters, digits, '_' and '-'.")
    return org
