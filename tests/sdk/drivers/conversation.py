"""What the Python drivers share: a line of JSON in, a line of JSON out."""

import json
import sys
import traceback


def converse(vault_of):
    """Answer until the input ends. `vault_of` makes the object that has a method for each call."""
    vaults = {}
    for line in sys.stdin:
        asked = json.loads(line)
        token = asked["token"]
        try:
            if token not in vaults:
                vaults[token] = vault_of(sys.argv[1], token)
            answer = {"returned": getattr(vaults[token], asked["call"])(**asked["arguments"])}
        except Exception as error:  # noqa: BLE001  the other side decides what was expected
            message = getattr(error, "message", None) or str(error)
            answer = {"raised": type(error).__name__, "message": message, "trace": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
