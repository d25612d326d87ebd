"""Whose credentials a key is used with: our own, or those of the role by which its owner lets us in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from sealring_awskms import sdk
from sealring_awskms.config import AwsConfig, read_secret
from sealring_awskms.errors import EXPIRED, REFUSED, code_of, failure
from sealring_awskms.key import Key
from sealring_awskms.sdk import Credentials
from sealring_plugin import Call, ConfigInvalid, Purpose, Unavailable
from sealring_plugin.net import Bounded, HttpsClient, Lease, Renewed

OWN_LIFE_S = 300.0  # after which our own are looked for anew; botocore gives none that end within ten minutes
SESSION_NAME = "sealring"  # what the role's owner reads in CloudTrail


class Identities:
    """The credentials of each identity that we may be. Thread-safe; looks for them on the first call."""

    def __init__(self, config: AwsConfig, https: HttpsClient, clients: sdk.Clients) -> None:
        """Raises ConfigInvalid."""
        self._config = config
        self._clients = clients
        self._default_session = sdk.default_session(https)
        self._own = Renewed(self._own_lease)
        self._roles: Bounded[tuple[str, str], Renewed[Credentials]] = Bounded()
        if config.access_key_id:
            self._read_own()

    def of(self, key: Key) -> Renewed[Credentials]:
        """Return the credentials that a key is used with: those of its role, or our own for a direct grant."""
        if not key.role_arn:
            return self._own
        return self._roles.get(
            (key.role_arn, key.external_id),
            lambda: Renewed(lambda deadline: self.assume(key, _fetching(deadline))),
        )

    def assume(self, key: Key, call: Call) -> Lease[Credentials]:
        """Return new credentials of the key's role. Raises ProviderError: AccessDenied if the role refuses us."""
        wanted = {"RoleArn": key.role_arn, "ExternalId": key.external_id, "RoleSessionName": SESSION_NAME}
        credentials = self._own.get(call.deadline)
        sts = self._clients.get("sts", key.region, key.sts, credentials)
        try:
            return _lease_of(sdk.asked(lambda: sts.assume_role(**wanted), call))
        except ClientError as error:
            response = error.response
        if code_of(response) in EXPIRED | REFUSED:
            self._own.forget(credentials)
        raise failure(response)

    def _own_lease(self, deadline: float) -> Lease[Credentials]:
        return Lease(self._read_own() if self._config.access_key_id else self._find_own(deadline), OWN_LIFE_S)

    def _read_own(self) -> Credentials:
        secret, token = self._config.secret_access_key_file, self._config.session_token_file
        if secret is None:
            raise ConfigInvalid("secret_access_key_file is missing")
        return Credentials(
            self._config.access_key_id,
            read_secret(secret, "secret_access_key_file"),
            read_secret(token, "session_token_file") if token is not None else None,
        )

    def _find_own(self, deadline: float) -> Credentials:
        try:
            found = sdk.asked(self._search, _fetching(deadline))
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


def _fetching(deadline: float) -> Call:
    return Call(deadline, "", "", Purpose.CHECK)


def _lease_of(answer: Mapping[str, Any]) -> Lease[Credentials]:
    given = answer.get("Credentials", {})
    try:
        made = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        life_s = (given["Expiration"] - datetime.now(UTC)).total_seconds()
    except (KeyError, TypeError):
        raise Unavailable("STS gave no credentials that can be read") from None
    return Lease(made, life_s)
