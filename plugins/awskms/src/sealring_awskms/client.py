"""Calls of KMS, each with the credentials that its key asks for, and each at most once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from sealring_awskms import sdk
from sealring_awskms.bounded import Bounded
from sealring_awskms.config import AwsConfig, read_secret
from sealring_awskms.endpoint import Endpoint
from sealring_awskms.errors import EXPIRED, REFUSED, code_of, failure
from sealring_awskms.key import Key
from sealring_awskms.renewal import Credentials, Lease, Refreshed
from sealring_awskms.transport import Transport
from sealring_plugin import AccessDenied, Call, ConfigInvalid, ProviderError, Purpose, Unavailable

FETCH_S = 3.0  # for new credentials, by whoever waits for them
OWN_LIFE_S = 300.0  # after which our own are looked for anew; botocore gives none that end within ten minutes
SESSION_NAME = "sealring"  # what the role's owner reads in CloudTrail
_FETCHES = 16  # at once

_UNUSABLE = (ConfigNotFound, ConfigParseError, PartialCredentialsError, ProfileNotFound)

# What botocore raises for an answer that is none: JSON of another shape, or no JSON at all.
_UNREADABLE = (BotoCoreError, ResponseParserError, ValueError, TypeError, AttributeError, LookupError)

T = TypeVar("T")


class Client:
    """Thread-safe. Connects, and looks for credentials, on the first call."""

    def __init__(self, config: AwsConfig) -> None:
        """Raises ConfigInvalid."""
        self._config = config
        self._transport = Transport(config.egress, config.ca_file)
        self._session = sdk.isolated_session(self._transport)
        self._default_session = sdk.default_session(self._transport)
        self._clients: Bounded[tuple[str, str, Endpoint, Credentials], Any] = Bounded()
        self._threads = ThreadPoolExecutor(_FETCHES, "sealring-awskms-role")
        self._own_thread = ThreadPoolExecutor(1, "sealring-awskms-own")  # roles wait for our own, never the reverse
        self._own = Refreshed(self._own_lease, self._own_thread)
        self._roles: Bounded[tuple[str, str], Refreshed] = Bounded()
        if config.access_key_id:
            self._read_own()

    def call(self, operation: str, key: Key, call: Call, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer. Raises ProviderError; its text is never AWS's own."""
        identity = self._identity(key)
        credentials = identity.current(call.deadline)
        kms = self._client("kms", key.region, key.kms, credentials)
        try:
            return _asked(lambda: dict(getattr(kms, operation)(**parameters)), call)
        except ClientError as error:
            response = error.response
        raise self._refused(response, key, identity, credentials)  # out here, so that AWS's text does not go with it

    def authenticate(self, key: Key, call: Call) -> None:
        """Make sure of credentials for a key. Raises ProviderError: AccessDenied where its role does not let us in."""
        self._identity(key).current(call.deadline)

    def is_let_in(self, key: Key, call: Call) -> bool:
        """Whether the key's role takes its external id at this moment; nothing is kept. Raises ProviderError."""
        try:
            self._role_lease(key, call)
        except AccessDenied:
            return False
        return True

    def close(self) -> None:
        for threads in (self._threads, self._own_thread):
            threads.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    def _refused(self, response: Mapping[str, Any], key: Key, identity: Refreshed, used: Credentials) -> ProviderError:
        code = code_of(response)
        if code in EXPIRED | REFUSED:
            identity.forget(used)
        if code in REFUSED and key.role_arn:
            return AccessDenied(f"AWS does not take the role's credentials any more ({code})")
        return failure(response)

    def _client(self, service: str, region: str, endpoint: Endpoint, credentials: Credentials) -> Any:
        return self._clients.get(
            (service, region, endpoint, credentials),
            lambda: sdk.make_client(self._session, service, region, endpoint, credentials),
        )

    # --- whose credentials

    def _identity(self, key: Key) -> Refreshed:
        if not key.role_arn:
            return self._own
        return self._roles.get(
            (key.role_arn, key.external_id),
            lambda: Refreshed(lambda: self._role_lease(key, _fetching()), self._threads),
        )

    def _role_lease(self, key: Key, call: Call) -> Lease:
        wanted = {"RoleArn": key.role_arn, "ExternalId": key.external_id, "RoleSessionName": SESSION_NAME}
        credentials = self._own.current(call.deadline)
        sts = self._client("sts", key.region, key.sts, credentials)
        try:
            return _lease_of(_asked(lambda: sts.assume_role(**wanted), call))
        except ClientError as error:
            response = error.response
        if code_of(response) in EXPIRED | REFUSED:
            self._own.forget(credentials)
        raise failure(response)

    def _own_lease(self) -> Lease:
        return Lease(self._read_own() if self._config.access_key_id else self._find_own(), OWN_LIFE_S)

    def _read_own(self) -> Credentials:
        secret, token = self._config.secret_access_key_file, self._config.session_token_file
        if secret is None:
            raise ConfigInvalid("secret_access_key_file is missing")
        return Credentials(
            self._config.access_key_id,
            read_secret(secret, "secret_access_key_file"),
            read_secret(token, "session_token_file") if token is not None else None,
        )

    def _find_own(self) -> Credentials:
        try:
            found = _asked(self._search, _fetching())
        except ClientError as error:  # of the STS that gives us our own
            code = code_of(error.response)
        else:
            if found is None:
                raise ConfigInvalid("no AWS credentials: give the server a role, or set access_key_id")
            return found
        raise Unavailable(f"our AWS credentials cannot be fetched ({code})")

    def _search(self) -> Credentials | None:
        sdk.check_settings(self._default_session)
        found = self._default_session.get_credentials()
        if found is None:
            return None
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def _asked(ask: Callable[[], T], call: Call) -> T:
    """Return what botocore returns. Raises ProviderError; ClientError for what AWS refuses."""
    try:
        with sdk.during(call):
            return ask()
    except _UNUSABLE as error:
        unreadable: ProviderError = ConfigInvalid(f"our AWS credentials cannot be used ({type(error).__name__})")
    except _UNREADABLE as error:
        unreadable = Unavailable(f"AWS gave no answer that can be read ({type(error).__name__})")
    raise unreadable  # out here, since those may quote the answer


def _fetching() -> Call:
    return Call(time.monotonic() + FETCH_S, "", "", Purpose.CHECK)


def _lease_of(answer: Mapping[str, Any]) -> Lease:
    given = answer.get("Credentials", {})
    try:
        made = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        life_s = (given["Expiration"] - datetime.now(UTC)).total_seconds()
    except (KeyError, TypeError):
        raise Unavailable("STS gave no credentials that can be read") from None
    if life_s <= 0:
        raise Unavailable("STS gave credentials that have expired already; check the clock")
    return Lease(made, life_s)
