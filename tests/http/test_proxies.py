"""What a proxy says of a request: nothing changes its route, its sender or its bytes.

Tests speak from the loopback, whose X-Forwarded-Proto is believed (`forwarded_allow_ips`).
"""

import pytest

from secrecy.wire import answers, exchange, problem


def get(live, path, *headers):
    lines = (f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {live.token('org_acme')}", "Connection: close")
    (answer,) = answers(exchange(live, "\r\n".join((*lines, *headers)).encode() + b"\r\n\r\n"))
    return answer


IGNORED = [
    ("SCRIPT_NAME: /vault",),
    ("SCRIPT_NAME: /elsewhere",),
    ("Script_Name: /vault/v1/kv",),
    ("PATH_INFO: /livez",),
    ("QUERY_STRING: limit=0",),
    ("REQUEST_METHOD: DELETE",),
    ("REMOTE_ADDR: 203.0.113.9",),
    ("REMOTE_USER: root",),
    ("HTTP_AUTHORIZATION: Bearer x",),
    ("WSGI.URL_SCHEME: x",),
    ("X_Forwarded_Proto: http", "X-Forwarded-Proto: https"),
    ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"),
    ("X-Forwarded-Proto: http", "X-Forwarded-Ssl: on"),
    ("X-Forwarded-Proto: https", "X-Forwarded-Protocol: https"),
    ("X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: off"),
    ("X-Forwarded-Prefix: /vault",),
    ("X-Forwarded-Host: elsewhere.example",),
    ("X-Forwarded-Path: /livez",),
    ("X-Forwarded-Port: 1", "X-Forwarded-For: 203.0.113.9, 10.0.0.1"),
    ("X-Original-URL: /livez", "X-Rewrite-URL: /livez", "X-Original-Method: DELETE"),
    ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"),
    ("Forwarded: for=203.0.113.9;proto=http;host=elsewhere.example",),
    ("Proxy: http://elsewhere.example",),
]


@pytest.mark.parametrize("headers", IGNORED, ids=", ".join)
def test_a_header_changes_neither_route_nor_method_nor_query(live, headers):
    answer = get(live, "/vault/v1/kv?limit=1", *headers)

    assert answer.status == 200
    assert answer.json["list_metadata"].keys() == {"before", "after"}


def test_no_part_of_a_path_can_be_cut_off_it(live):
    answer = get(live, "/elsewhere/livez", "SCRIPT_NAME: /elsewhere")

    assert problem(answer) == (404, "route_not_found")
