"""What is refused below the routes: by the HTTP server, and where the store is altered, full or gone."""

import http.client
from concurrent.futures import ThreadPoolExecutor

from secrecy.drive import KEYS, KV, OURS, Driver
from secrecy.wire import exchange
from support.live import Answer


def send_what_the_http_server_refuses(driver: Driver) -> None:
    driven, head = driver.driven, b"Host: x\r\nContent-Length: 0\r\n"
    for what, line in {
        "header without colon": b"GET /vault/v1/kv HTTP/1.1\r\nAuthorization Bearer %s\r\n" + head,
        "header with blank": b"GET /vault/v1/kv HTTP/1.1\r\nAuthorization %s: x\r\n" + head,
        "control in a header": b"GET /vault/v1/kv HTTP/1.1\r\nAuthorization: Bearer \x01%s\r\n" + head,
        "large header": b"GET /vault/v1/kv HTTP/1.1\r\nAuthorization: Bearer %s" + b"a" * 9000 + b"\r\n" + head,
        "long line": b"GET /vault/v1/kv/name/%s" + b"a" * 9000 + b" HTTP/1.1\r\n" + head,
        "bytes in the line": b"GET /vault/v1/kv/name/%s\xc3\xa9 HTTP/1.1\r\n" + head,
        "method": b"get-%s /vault/v1/kv HTTP/1.1\r\n" + head,
        "version": b"GET /vault/v1/kv HTTP/%s\r\n" + head,
        "transfer coding": b"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %s\r\n",
        "expectation": b"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nExpect: %s\r\n",
        "length": b"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n",
    }.items():
        sent = line.replace(b"%s", driven.token(what).encode()) + b"\r\n"
        driven.raw_refusals[what] = exchange(driver.live, sent)
    for what, chunks in {"bad chunk": b"zz%s\r\n", "cut chunk": b"ffff\r\n%s", "bad end": b"1c\r\n%sxxxx"}.items():
        good = b"Authorization: Bearer %s\r\nHost: x\r\nContent-Type: application/json\r\n" % driver.token.encode()
        sent = b"POST /vault/v1/kv HTTP/1.1\r\n" + good + b"Transfer-Encoding: chunked\r\n\r\n"
        sent += chunks.replace(b"%s", driven.value(what).encode())
        driven.raw_refusals[what] = exchange(driver.live, sent)


def send_a_body_over_the_limit(driver: Driver) -> None:
    """In chunks, with the answer read before the end of the body is sent."""
    host, port = driver.live.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    value = driver.driven.value("over the limit").encode()
    connection.putrequest("POST", KV)
    connection.putheader("Authorization", f"Bearer {driver.token}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"%x\r\n%s\r\n" % (len(value) * 300_000, value * 300_000))
    response = connection.getresponse()
    driver.driven.refusals["over the limit"] = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()


# --- a store that cannot be trusted, is full, or is gone


def tamper(driver: Driver) -> None:
    made = driver.create("tampered")
    with driver.live.store as store:
        raw_id = bytes.fromhex(made["id"].removeprefix("secret_"))
        key = next(key for key in store.scan_iter(match=b"*:o:*") if key.endswith(raw_id))
        record = store.get(key)
        store.set(key, record[:-60] + bytes((record[-60] ^ 1,)) + record[-59:])
        _ask_all(driver, "tampered", made)
        store.delete(key)
        store.set(key, driver.driven.name("planted in the store"))
        _ask_all(driver, "planted", made)
        store.delete(key)
        store.rpush(key, "of another type")
        _ask_all(driver, "of another type", made)
        store.delete(key)


def fill(driver: Driver, made: dict) -> None:
    with driver.live.store as store:
        store.config_set("maxmemory", 1)
        _ask_all(driver, "full", made)
        store.config_set("maxmemory", 0)


def lose_store(driver: Driver, made: dict) -> None:
    _ask_all(driver, "store down", made)


def _ask_all(driver: Driver, what: str, made: dict) -> None:
    driven, one = driver.driven, f"{KV}/{made['id']}"
    name, value = driven.name(f"new while {what}"), driven.value(f"new while {what}")
    blob = driver.driven.carriers["data key"].json["encrypted_keys"]
    fresh = {**driver.pairs, "fresh": driven.context(f"fresh while {what}")}
    requests = [
        ("POST", KV, {"name": name, "value": value, "key_context": fresh}),
        ("POST", KV, {"name": made["name"], "value": value, "key_context": driver.pairs}),
        ("GET", KV, None),
        ("GET", f"{KV}?search={made['name']}", None),
        ("GET", f"{KV}/name/{made['name']}", None),
        ("GET", one, None),
        ("GET", f"{one}/metadata", None),
        ("GET", f"{one}/versions", None),
        ("GET", f"{OURS}/{made['id']}/versions/{made['version_id']}", None),
        ("PUT", one, {"value": value}),
        ("DELETE", one, None),
        ("POST", f"{OURS}/{made['id']}/restore", None),
        ("POST", f"{KEYS}/data-key", {"context": fresh}),
        ("POST", f"{KEYS}/decrypt", {"keys": blob}),
        ("POST", f"{KEYS}/rekey", {"encrypted_keys": blob, "context": fresh}),
        ("GET", "/readyz", None),
    ]
    with ThreadPoolExecutor(8) as together:
        for request, answer in zip(requests, together.map(lambda each: driver.ask(*each), requests), strict=True):
            if answer.status >= 400:
                driven.refusals[f"{what}: {request[0]} {request[1]}"] = answer
