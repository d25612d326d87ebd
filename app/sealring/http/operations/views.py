"""The route of operations: did my write land?"""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.guard import Call, Route
from sealring.admission.replies import Reply
from sealring.domain.principal import Permission
from sealring.http.objects import answers, render, requests
from sealring.services.operations import Operations


class OperationViews:
    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def find(self, call: Call) -> Reply:
        operation = self._operations.find(call.caller, call.path["idempotency_key"])
        return Reply.json(200, render.operation(operation))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET", "/sealring/v1/operations/<whole:idempotency_key>", Permission.OBJECTS_READ, self.find,
                "Find what became of a write", {200: answers.Operation}, query=requests.Nothing(),
            ),
        )  # fmt: skip
