"""What `helm test` asks of the server: that it is ready, refuses strangers, and keeps an object for a token."""

import json
import ssl
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

CA = Path("/ca")
TOKEN = Path("/token/token")
TIMEOUT_S = 30
NEEDED = (
    "The token of test.tokenSecret and its issuer need vault:objects:create, vault:objects:read and "
    "vault:objects:delete, and the token test.organization"
)


def main(url: str, organization: str) -> None:
    check("readiness", ask(url, "GET", "/readyz").get("status"), "ready")
    check("a stranger", ask(url, "GET", "/vault/v1/kv").get("code"), "unauthenticated")
    if TOKEN.exists():
        keeps_an_object(url, organization, TOKEN.read_text().strip())


def keeps_an_object(url: str, organization: str, token: str) -> None:
    gone = ask(url, "DELETE", f"/vault/v1/kv/{uuid.uuid4()}", token)  # first: what is made could not be removed
    allowed("what nobody stored", gone, "not_found")
    value = str(uuid.uuid4())
    new = {"name": f"helm-test-{value}", "value": value, "key_context": {"organization_id": organization}}
    made = ask(url, "POST", "/vault/v1/kv", token, new)
    allowed("what is stored", made)
    path = f"/vault/v1/kv/{made['id']}"
    check("what was stored", allowed("what was stored", ask(url, "GET", path, token)).get("value"), value)
    allowed("what is deleted", ask(url, "DELETE", path, token))
    check("what was deleted", ask(url, "GET", path, token).get("code"), "not_found")


def allowed(what: str, answer: dict[str, object], *codes: str) -> dict[str, object]:
    """Return an answer that is no refusal. Raises SystemExit for any other."""
    code = answer.get("code")
    if code is not None and code not in codes:
        raise SystemExit(f"{what}: {code}: {answer.get('message')} {NEEDED}")
    return answer


def check(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"{what}: {found!r} instead of {expected!r}")
    print(f"{what}: {found if what != 'what was stored' else 'as it was sent'}")


def ask(url: str, method: str, path: str, token: str = "", body: object = None) -> dict[str, object]:
    """Return the JSON of the answer, whatever its status."""
    request = urllib.request.Request(
        url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=trusted()) as answer:
            raw = answer.read()
    except urllib.error.HTTPError as refused:
        raw = refused.read()
    found: dict[str, object] = json.loads(raw or b"{}")
    return found


def trusted() -> ssl.SSLContext:
    """Trust the certificate's own issuer, beside those of the system."""
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for file in (CA / "ca.crt", CA / "tls.crt"):
        if file.exists():
            context.load_verify_locations(file)
    return context


if __name__ == "__main__":
    main(*sys.argv[1:])
