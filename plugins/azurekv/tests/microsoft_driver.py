"""Runs in the environment of Microsoft's clients, and shows the plugin's tests what they make of the fake.

Each line of its standard input is a task, and each that it prints what came of it. Both are JSON.
"""

import json
import sys
import time
from base64 import b64decode, b64encode
from pathlib import Path

import msal
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm

FAKE = {"verify_challenge_resource": False, "retry_total": 0}  # the fake's host is not its resource's


class Certificate:
    """A credential by MSAL, which signs as the pages say now; azure-identity still names certificates by SHA-1."""

    def __init__(self, task):
        pem = Path(task["certificate"]).read_text()
        self._app = msal.ConfidentialClientApplication(
            task["client_id"],
            authority=f"{task['authority']}/{task['tenant']}",
            client_credential={"private_key": pem, "public_certificate": pem},
            instance_discovery=False,
        )

    def get_token(self, *scopes, **_):
        got = self._app.acquire_token_for_client(list(scopes))
        return AccessToken(got["access_token"], int(time.time()) + got["expires_in"])


def credential(task):
    if "secret" not in task:
        return Certificate(task)
    options = {"authority": task["authority"], "disable_instance_discovery": True}
    return ClientSecretCredential(task["tenant"], task["client_id"], task["secret"], **options)


def describe(task):
    key = KeyClient(task["vault"], credential(task), **FAKE).get_key(task["name"])
    properties = key.properties
    return {
        "type": key.key_type,
        "operations": key.key_operations,
        "bits": len(key.key.n) * 8 if key.key.n else None,
        "id": key.id,
        "version": properties.version,
        "enabled": properties.enabled,
        "exportable": properties.exportable,
        "recovery_level": properties.recovery_level,
        "recoverable_days": properties.recoverable_days,
        "tags": properties.tags,
    }


def request(task):
    """Any request by the clients' own pipeline, as the provider makes it."""
    client = KeyClient(task["vault"], credential(task), **FAKE)
    response = client.send_request(HttpRequest(task["method"], task["path"], json=task["body"]))
    try:
        response.raise_for_status()
    except HttpResponseError as error:
        return {
            "status": error.status_code,
            "code": error.error.code,
            "inner": (error.error.innererror or {}).get("code"),
        }
    return response.json()


def crypto(task):
    """A method of CryptographyClient; parts go in and out as base64."""
    algorithms = KeyWrapAlgorithm if task["method"].endswith("_key") else EncryptionAlgorithm
    client = CryptographyClient(task["key"], credential(task), **FAKE)
    parts = {name: b64decode(part) for name, part in task["parts"].items()}
    try:
        result = getattr(client, task["method"])(algorithms(task["alg"]), **parts)
    except HttpResponseError as error:
        return {"status": error.status_code}
    shown = {"key_id": result.key_id}
    for name in ("encrypted_key", "key", "ciphertext", "plaintext", "iv", "tag"):
        part = getattr(result, name, None)
        shown |= {name: b64encode(part).decode()} if part else {}
    return shown


def deleted(task):
    key = KeyClient(task["vault"], credential(task), **FAKE).get_deleted_key(task["name"])
    return {"scheduled_purge_date": key.scheduled_purge_date.isoformat()}


def rotation(task):
    policy = KeyClient(task["vault"], credential(task), **FAKE).get_key_rotation_policy(task["name"])
    return {"actions": [each.action.value for each in policy.lifetime_actions]}


if __name__ == "__main__":
    for line in sys.stdin:
        given = json.loads(line)
        print(json.dumps(globals()[given.pop("do")](given)), flush=True)  # noqa: T201
