"""Canaries driven through every route, and through everything that a request can do wrong."""

import base64
from itertools import product

from secrecy.bad_bodies import bad_bodies
from secrecy.driven import Driven
from support.live import Answer, LiveServer

KV, OURS, KEYS, BATCH = "/vault/v1/kv", "/sealring/v1/kv", "/vault/v1/keys", "/sealring/v1/batch"
BATCHES = ("encrypt", "decrypt", "create", "read")
CONTEXT = {"organization_id": "org_acme"}


class Driver:
    """Sends to one server, as one organization."""

    def __init__(self, live: LiveServer, driven: Driven) -> None:
        self.live = live
        self.driven = driven
        self.token = live.token("org_acme", subject="svc")
        driven.tokens["the good token"] = self.token.encode()
        driven.tokens["its signature"] = self.token.rpartition(".")[2].encode()
        self.pairs = {**CONTEXT, driven.context("key"): driven.context("value")}

    def ask(self, method, path, body=None, **more):
        return self.live.ask(method, path, token=more.pop("token", self.token), body=body, **more)

    def create(self, what: str) -> dict:
        body = {"name": self.driven.name(what), "value": self.driven.value(what), "key_context": self.pairs}
        answer = self.driven.keep(f"create {what}", self.ask("POST", KV, body))
        assert answer.status == 201
        return {**answer.json, **body}

    def succeed(self) -> None:
        """Every route, with success."""
        made, keep = self.create("first"), self.driven.keep
        one, name = f"{KV}/{made['id']}", made["name"]
        update = {"value": self.driven.value("second"), "version_check": made["version_id"], "key_context": self.pairs}
        self.carry("read", self.ask("GET", one))
        keep("update", self.ask("PUT", one, update))
        self.carry("read by name", self.ask("GET", f"{KV}/name/{name}"))
        self.carry("read version", self.ask("GET", f"{OURS}/{made['id']}/versions/{made['version_id']}"))
        keep("metadata", self.ask("GET", f"{one}/metadata"))
        keep("versions", self.ask("GET", f"{one}/versions"))
        keep("list", self.ask("GET", f"{KV}?search={name}&limit=1"))
        keep("delete", self.ask("DELETE", one))
        keep("restore", self.ask("POST", f"{OURS}/{made['id']}/restore"))
        keep("live", self.ask("GET", "/livez"))
        keep("ready", self.ask("GET", "/readyz"))

    def make_a_link(self) -> None:
        """The token of a link leaves once, and comes back in the query of whoever opens it."""
        wanted = {"organization": "org_acme", "intent": "bring_your_own_key"}
        answer = self.ask("POST", "/portal/generate_link", wanted)
        assert answer.status == 201
        token = answer.json["link"].partition("?token=")[2]
        self.driven.tokens["the token of a link"] = token.encode()
        self.live.ask("GET", f"/portal?token={token}")

    def use_keys(self) -> str:
        pair = self.carry("data key", self.ask("POST", f"{KEYS}/data-key", {"context": self.pairs})).json
        self.driven.deks["dek"] = base64.b64decode(pair["data_key"])
        self.driven.deks["dek as it is sent"] = pair["data_key"].encode()
        other = {**self.pairs, "for": self.driven.context("rekey")}
        self.carry("decrypt", self.ask("POST", f"{KEYS}/decrypt", {"keys": pair["encrypted_keys"]}))
        rekey = {"encrypted_keys": pair["encrypted_keys"], "context": other}
        self.carry("rekey", self.ask("POST", f"{KEYS}/rekey", rekey))
        return pair["encrypted_keys"]

    def use_batches(self) -> None:
        """Every route of batches, with items that succeed beside items that are refused."""
        driven, foreign = self.driven, {"organization_id": "org_beta", "x": self.driven.context("foreign item")}
        secrets = [base64.b64encode(driven.value(f"item {number}").encode()).decode() for number in range(3)]
        items = [{"key_context": self.pairs, "plaintext": each} for each in secrets]
        bad = [{"key_context": foreign, "plaintext": secrets[0]}, {"plaintext": driven.value("no base64")}, secrets[1]]
        sealed = driven.keep("encrypt items", self.ask("POST", f"{BATCH}/encrypt", {"items": [*items, *bad]}))
        good = [each for each in sealed.json["items"] if "ciphertext" in each]
        wrong = [{"ciphertext": driven.value("no item")}, {"ciphertext": good[0]["ciphertext"][4:]}]
        self.carry("decrypt items", self.ask("POST", f"{BATCH}/decrypt", {"items": [*good, *wrong]}))
        new = {"name": driven.name("of a batch"), "value": driven.value("of a batch"), "key_context": self.pairs}
        driven.keep("create items", self.ask("POST", f"{BATCH}/create", {"items": [new, new, {**new, "name": ""}]}))
        wanted = [{"name": new["name"]}, {"name": driven.name("no item")}, {"id": driven.name("no id")}]
        self.carry("read items", self.ask("POST", f"{BATCH}/read", {"items": wanted}))
        for operation in BATCHES:
            refused = [{driven.name("member"): driven.value("member")}, [driven.value("in a list")], new["value"]]
            driven.keep(f"refused {operation}", self.ask("POST", f"{BATCH}/{operation}", {"items": refused}))

    def carry(self, what: str, answer: Answer) -> Answer:
        assert answer.status == 200, (what, answer)
        self.driven.carriers[what] = answer
        return answer

    # --- what goes wrong

    def send_bad_bodies(self, made: dict) -> None:
        """Every route that takes a body, with every kind of body that is refused."""
        driven = self.driven
        routes = {
            "create": ("POST", KV),
            "update": ("PUT", f"{KV}/{made['id']}"),
            "data-key": ("POST", f"{KEYS}/data-key"),
            "decrypt": ("POST", f"{KEYS}/decrypt"),
            "rekey": ("POST", f"{KEYS}/rekey"),
            "restore": ("POST", f"{OURS}/{made['id']}/restore"),
            "link": ("POST", "/portal/generate_link"),
            **{f"{operation} items": ("POST", f"{BATCH}/{operation}") for operation in BATCHES},
        }
        for (what, (method, path)), (kind, raw) in product(routes.items(), bad_bodies(driven)):
            driven.keep(f"{what}: {kind}", self.ask(method, path, raw_body=raw))
        for what, (method, path) in routes.items():
            body = b'{"value": "%s"}' % driven.value(f"{what} as text").encode()
            plain = {"Content-Type": "text/plain"}
            driven.keep(f"{what}: 415", self.ask(method, path, raw_body=body, headers=plain))
            odd = {"Content-Type": f"text/{driven.name(f'{what} type')}"}
            driven.keep(f"{what}: odd 415", self.ask(method, path, raw_body=body, headers=odd))
            driven.keep(f"{what}: wrong method", self.ask("PATCH", path, {"value": driven.value(f"{what} patch")}))

    def send_bad_targets(self, made: dict) -> None:
        """Queries, paths and headers that hold what they should not."""
        driven, one = self.driven, f"{KV}/{made['id']}"
        queries = ["limit", "order", "before", "after", "updatedAfter", "updated_after", "search=%FF&x"]
        for query in queries:
            driven.keep(f"?{query}", self.ask("GET", f"{KV}?{query}={driven.name(query)}"))
        for query in ("name=x&search", "unknown"):
            driven.keep(f"?{query}", self.ask("GET", f"{KV}?limit=x&{query}={driven.name(query)}"))
        driven.keep("?organization_id", self.ask("GET", f"{KV}/name/x?organization_id={driven.name('org')}!"))
        driven.keep("?version_check", self.ask("DELETE", f"{one}?version_check={driven.name('check')}"))
        for path in (KV, f"{KV}/name", OURS, "", "/vault/v1/kv/name/%FF"):
            for method in ("GET", "DELETE", "POST"):
                driven.keep(f"{method} {path}", self.ask(method, f"{path}/{driven.name(f'{method} {path}')}"))
        driven.keep("version path", self.ask("GET", f"{OURS}/{made['id']}/versions/{driven.name('version')}"))
        driven.keep("metadata path", self.ask("GET", f"{KV}/{driven.name('metadata path')}/metadata"))
        driven.keep("request id", self.ask("GET", "/nowhere", headers={"X-Request-ID": f"{driven.name('request')} x"}))

    def send_bad_tokens(self) -> None:
        driven, keep = self.driven, self.driven.keep
        header, payload, signature = self.token.split(".")
        wrong = {
            "opaque": driven.token("opaque"),
            "API key": f"sk_{driven.token('API key')}",
            "three parts": f"{driven.token('one')}.{driven.token('two')}.{driven.token('three')}",
            "bad signature": f"{header}.{payload}.{driven.token('signature')}",
            "bad header": f"{_json64({'alg': driven.token('alg'), 'kid': driven.token('kid')})}.{payload}.{signature}",
            "bad payload": f"{header}.{_json64({'iss': driven.token('iss'), 'sub': driven.token('sub')})}.{signature}",
            "with blanks": f"{driven.token('blank')} {driven.token('after')}",
            "with a comma": f"{driven.token('comma')},{driven.token('after the comma')}",
            "long": driven.token("long") * 340,
        }
        for what, token in wrong.items():
            keep(f"token {what}", self.ask("GET", KV, token=token))
        for what in ("Basic", "Digest", "bearer", ""):
            headers = {"Authorization": f"{what} {driven.token(f'scheme {what}')}"}
            keep(f"scheme {what}", self.ask("GET", KV, token=None, headers=headers))

    def send_conflicts(self, made: dict) -> None:
        """What is refused for what is stored, or for whose it is."""
        driven, keep, one = self.driven, self.driven.keep, f"{KV}/{made['id']}"
        taken = {"name": made["name"], "value": driven.value("taken"), "key_context": self.pairs}
        keep("taken", self.ask("POST", KV, taken))
        stale = {"value": driven.value("stale"), "version_check": driven.name("stale")}
        keep("stale", self.ask("PUT", one, stale))
        moved = {"value": driven.value("moved"), "key_context": {**CONTEXT, "x": driven.context("moved")}}
        keep("moved", self.ask("PUT", one, moved))
        foreign = {"organization_id": "org_beta", driven.context("foreign"): driven.context("foreign value")}
        body = {"name": driven.name("foreign"), "value": driven.value("foreign"), "key_context": foreign}
        keep("foreign", self.ask("POST", KV, body))
        keep("nobody's", self.ask("POST", KV, {**body, "key_context": {"x": driven.context("nobody's")}}))
        keep("foreign data key", self.ask("POST", f"{KEYS}/data-key", {"context": foreign}))
        large = {"name": "large", "value": driven.value("large") * 50_000, "key_context": self.pairs}
        keep("large value", self.ask("POST", KV, large))
        keep("large update", self.ask("PUT", one, {"value": driven.value("large update") * 50_000}))

    def send_bad_blobs(self, blob: str) -> None:
        raw = base64.b64decode(blob)
        for place in (0, 5, 10, 60, 150, len(raw) - 100, len(raw) - 1):
            changed = base64.b64encode(raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]).decode()
            self.driven.keep(f"blob {place}", self.ask("POST", f"{KEYS}/decrypt", {"keys": changed}))
            body = {"encrypted_keys": changed, "context": self.pairs}
            self.driven.keep(f"rekey blob {place}", self.ask("POST", f"{KEYS}/rekey", body))
        body = {"keys": self.driven.value("no blob")}
        self.driven.keep("no blob", self.ask("POST", f"{KEYS}/decrypt", body))


def _json64(members: dict[str, str]) -> str:
    text = "{" + ",".join(f'"{key}":"{value}"' for key, value in members.items()) + "}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
