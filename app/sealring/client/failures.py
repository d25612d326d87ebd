"""What the commands of users can fail with. Each message is for the user, and quotes no token and no value."""

from __future__ import annotations


class ClientError(Exception):
    """Base of these failures."""


class AccessInvalid(ClientError):
    """The address of the server, the token or the authorities to trust cannot be used."""


class InputRefused(ClientError):
    """The user gave what cannot be sent."""


class ServerUnusable(ClientError):
    """There is no answer, or none that a sealring server gives."""


class RequestRefused(ClientError):
    """The server refused the request; `code` is that of docs/errors.md."""

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        super().__init__(f"{message} ({status} {code}, request id {request_id})")
        self.status = status
        self.code = code
        self.request_id = request_id


class NothingFound(ClientError):
    """No object, or more than one, is the one that the user means."""


class VariablesRefused(ClientError):
    """The secrets cannot be the environment of a program."""


class ProgramNotStarted(ClientError):
    """The program cannot be executed; `status` is the exit status that a shell has then."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
