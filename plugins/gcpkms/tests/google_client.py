"""Run in the environment with Google's own client: do what each line of the standard input asks for, and print how it
went, a line too. Both are JSON.

Nothing of sealring is here: it is what tells whether the fake speaks as Google does.
"""

import json
import os
import sys
from base64 import b64decode, b64encode

import google_crc32c
from google.api_core import exceptions
from google.auth import impersonated_credentials
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport
from google.oauth2 import service_account

NO_RETRY = {"retry": None, "timeout": 20}


def crc32c(binary):
    return int.from_bytes(google_crc32c.Checksum(binary).digest(), "big")


def client(asked):
    """Return one that is the account, by Google's own way to become it."""
    account = asked["account"]
    credentials = impersonated_credentials.Credentials(
        service_account.Credentials.from_service_account_file(
            asked["key_file"], scopes=["https://www.googleapis.com/auth/cloud-platform"]
        ),
        account,
        ["https://www.googleapis.com/auth/cloudkms"],
        lifetime=300,
        iam_endpoint_override=f"https://{asked['host']}/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
    )
    transport = KeyManagementServiceRestTransport(host=asked["host"], credentials=credentials)
    return kms_v1.KeyManagementServiceClient(transport=transport)


def encrypt(kms, asked):
    plaintext, aad = b64decode(asked["plaintext"]), b64decode(asked["aad"])
    answer = kms.encrypt(
        request={
            "name": asked["name"],
            "plaintext": plaintext,
            "additional_authenticated_data": aad,
            "plaintext_crc32c": crc32c(plaintext),
            "additional_authenticated_data_crc32c": crc32c(aad),
        },
        **NO_RETRY,
    )
    return {
        "name": answer.name,
        "ciphertext": b64encode(answer.ciphertext).decode(),
        "intact": answer.ciphertext_crc32c == crc32c(answer.ciphertext),
        "verified": answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c,
        "protection": answer.protection_level.name,
    }


def decrypt(kms, asked):
    ciphertext, aad = b64decode(asked["ciphertext"]), b64decode(asked["aad"])
    answer = kms.decrypt(
        request={
            "name": asked["name"],
            "ciphertext": ciphertext,
            "additional_authenticated_data": aad,
            "ciphertext_crc32c": crc32c(ciphertext),
            "additional_authenticated_data_crc32c": crc32c(aad),
        },
        **NO_RETRY,
    )
    return {
        "plaintext": b64encode(answer.plaintext).decode(),
        "intact": answer.plaintext_crc32c == crc32c(answer.plaintext),
        "used_primary": answer.used_primary,
    }


def describe(kms, asked):
    key = kms.get_crypto_key(name=asked["name"], **NO_RETRY)
    return {
        "name": key.name,
        "purpose": key.purpose.name,
        "primary": key.primary.name,
        "state": key.primary.state.name,
        "algorithm": key.primary.algorithm.name,
        "protection": key.primary.protection_level.name,
        "rotation_s": key.rotation_period.total_seconds(),
        "window_s": key.destroy_scheduled_duration.total_seconds(),
        "destroyed": key.primary.destroy_time.isoformat() if key.primary.destroy_time else "",
        "labels": dict(key.labels),
    }


def granted(kms, asked):
    answer = kms.test_iam_permissions(
        request={"resource": asked["name"], "permissions": asked["permissions"]}, **NO_RETRY
    )
    return {"permissions": list(answer.permissions)}


def crc(_kms, asked):
    return {"crc": crc32c(b64decode(asked["binary"]))}


def done(asked):
    os.environ["REQUESTS_CA_BUNDLE"] = asked["ca_file"]
    kms = client(asked)
    told = []
    for each in asked["calls"]:
        try:
            told.append(globals()[each["verb"]](kms, each))
        except exceptions.GoogleAPICallError as error:
            violations = [one["type"] for detail in error.details for one in detail.get("violations", ())]
            told.append({"error": type(error).__name__, "reason": error.reason, "violations": violations})
    return told


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(done(json.loads(line))), flush=True)  # noqa: T201
