"""The files of the root of trust, in a ConfigMap: `recall` reads them into a folder, `keep` writes them from there.

The Job that makes a store ready runs this, before and after `sealring init`. A pin that is there is never replaced.
"""

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path(os.environ.get("TRUST_FOLDER", "/sealring/trust"))
ACCESS = Path(os.environ.get("TRUST_ACCESS", "/sealring/kubernetes"))
PIN, LAYOUT = "store-pin", "store-layout"
TIMEOUT_S = 10


def main(mode: str) -> None:
    """Raises SystemExit with what to do."""
    try:
        found = ask("GET")
        kept = found.get("data") or {}
        if mode == "recall":
            recall(kept)
        else:
            keep(kept, found["metadata"]["resourceVersion"])
    except urllib.error.HTTPError as error:
        raise SystemExit(f"the API server answers {error.code} for ConfigMap {name()}: {reason(error)}") from None
    except OSError as error:
        raise SystemExit(f"the API server cannot be reached: {error}") from None


def recall(kept: dict[str, str]) -> None:
    """Write what is kept, unless an interrupted run of this Job has left its own files."""
    for file, text in kept.items():
        if file in {PIN, LAYOUT} and not (FOLDER / file).exists():
            (FOLDER / file).write_text(text)
            (FOLDER / file).chmod(0o644)


def keep(kept: dict[str, str], version: str) -> None:
    """Write what was made, unless somebody has written since `version` was read: then this container runs again."""
    made = {file: (FOLDER / file).read_text() for file in (PIN, LAYOUT)}
    if kept.get(PIN, made[PIN]) != made[PIN]:
        raise SystemExit(f"ConfigMap {name()} pins another store, and stays as it is: find out which one is yours")
    if kept != made:
        ask("PATCH", {"metadata": {"resourceVersion": version}, "data": made})
    print(f"ConfigMap {name()} has the pin; back it up: kubectl get configmap {name()} -o yaml")


def ask(method: str, body: object = None) -> dict[str, dict[str, str]]:
    """Ask the API server for the ConfigMap, or patch it. Raises OSError."""
    token = (ACCESS / "token").read_text()
    request = urllib.request.Request(
        f"https://{server()}/api/v1/namespaces/{os.environ['TRUST_NAMESPACE']}/configmaps/{name()}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"},
    )
    trusted = ssl.create_default_context(cafile=str(ACCESS / "ca.crt"))
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=trusted) as answer:
        found: dict[str, dict[str, str]] = json.loads(answer.read())
        return found


def name() -> str:
    return os.environ["TRUST_CONFIGMAP"]


def server() -> str:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError):
        return error.reason


if __name__ == "__main__":
    main(sys.argv[1])
