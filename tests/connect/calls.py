"""Calls of vault.v1 in one of the two forms."""

from connect.kit import USE, token
from sealring.connect.messages import METHODS

EVERYWHERE = [*USE, "vault:all_organizations"]
INVALID = (400, "invalid_argument")


class Calls:
    """Calls in one form: members go in by their names, and come out so; a refusal as its status and code."""

    def __init__(self, vault, form):
        self.vault = vault
        self.form = form
        self._token = token(None, EVERYWHERE)

    def __call__(self, method, **members):
        if self.form == "json":
            answer = self.vault.json(method, members, bearer=self._token)
            return _named(answer.json) if answer.status == 200 else answer.refusal
        request, response = METHODS[method]
        sent = request.message(**members).SerializeToString()
        answer = self.vault.raw(method, sent, {"content-type": "application/proto"}, bearer=self._token)
        return _read(response, answer.body) if answer.status == 200 else answer.refusal

    def encrypt(self, ring, data):
        return self("Encrypt", keyring=ring, data=data)

    def decrypt(self, ring, encrypted):
        answer = self("Decrypt", keyring=ring, encrypted=encrypted)
        return answer.get("plaintext", "") if isinstance(answer, dict) else answer

    def re_encrypt(self, ring, encrypted):
        return self("ReEncrypt", keyring=ring, encrypted=encrypted)


def _named(answer):
    answer = {"key_id" if name == "keyId" else name: value for name, value in answer.items()}
    if "items" in answer:
        answer["items"] = {
            key: _named(each) if isinstance(each, dict) else each for key, each in answer["items"].items()
        }
    return answer


def _read(shape, raw):
    message = shape.message.FromString(raw)
    found = {name: getattr(message, name) for name in shape.fields}
    if "items" in found:
        found["items"] = {
            key: each if isinstance(each, str) else {"encrypted": each.encrypted, "key_id": each.key_id}
            for key, each in found["items"].items()
        }
        return found if found["items"] else {}
    return found
