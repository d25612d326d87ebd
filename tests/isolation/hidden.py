"""What is asked about an object, and what a caller can see of the answer."""

ON_AN_ID = [
    ("GET", "/vault/v1/kv/{id}", None),
    ("HEAD", "/vault/v1/kv/{id}", None),
    ("PUT", "/vault/v1/kv/{id}", {"value": "x"}),
    ("PUT", "/vault/v1/kv/{id}", {"value": "x", "key_context": {"organization_id": "org_acme"}}),
    ("PUT", "/vault/v1/kv/{id}", {"value": "x", "version_check": "00000000-0000-4000-8000-000000000000"}),
    ("DELETE", "/vault/v1/kv/{id}", None),
    ("DELETE", "/vault/v1/kv/{id}?version_check=00000000-0000-4000-8000-000000000000", None),
    ("GET", "/vault/v1/kv/{id}/metadata", None),
    ("GET", "/vault/v1/kv/{id}/versions", None),
    ("GET", "/sealring/v1/kv/{id}/versions/{version}", None),
    ("GET", "/sealring/v1/kv/{id}/versions/00000000-0000-4000-8000-000000000000", None),
    ("POST", "/sealring/v1/kv/{id}/restore", None),
]
NEVER_WAS = "secret_0" + 31 * "F"
NO_VERSION = "00000000-0000-4000-8000-000000000000"


def seen(answer):
    """All that a caller sees of an answer, but for what differs in each of them."""
    headers = {name: text for name, text in answer.headers.items() if name not in {"date", "x-request-id"}}
    body = {**answer.json, "request_id": None} if answer.raw else {}
    return answer.status, headers, body


def ask_about(live, token, method, path, body, *, object_id, version):
    return seen(live.ask(method, path.format(id=object_id, version=version), token=token, body=body))
