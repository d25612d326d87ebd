"""Heads of requests: what is refused in addition to what the parser refuses, and with which status."""

import pytest

from sealring.server.heads import MAX_BYTES, Head, HeadRefused

HOST = (b"host", b"x")


def status_of(*fields, target=b"/livez", method=b"GET", version="1.1"):
    """The status of a refusal; None if the head is taken."""
    head = Head()
    try:
        head.target(target)
        for name, value in fields:
            head.field(name, value)
        head.end(method, version)
    except HeadRefused as refused:
        return refused.status
    return None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([HOST], None),
        ([], 400),
        ([HOST, HOST], 400),
        ([(b"host", b"")], None),
        ([HOST, (b"transfer-encoding", b"chunked")], None),
        ([HOST, (b"transfer-encoding", b"Chunked")], None),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], 501),
        ([HOST, (b"transfer-encoding", b"identity")], 501),
        ([HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 501),
        ([HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"")], 501),
        ([HOST, (b"expect", b"100-continue")], None),
        ([HOST, (b"expect", b"100-Continue")], None),
        ([HOST, (b"expect", b"a-miracle")], 417),
        ([HOST, *[(b"x", b"y")] * 63], None),
        ([HOST, *[(b"x", b"y")] * 64], 431),
        ([HOST, (b"x", b"y" * 8185)], None),
        ([HOST, (b"x", b"y" * 8186)], 431),
        ([HOST, (b"x" * 8186, b"y")], 431),
    ],
)
def test_so_a_head_is_judged_by_its_fields(fields, status):
    assert status_of(*fields) == status


@pytest.mark.parametrize(
    ("target", "status"),
    [(b"/" + b"x" * 8189, None), (b"/" + b"x" * 8190, 414), (b"/livez#a", 400), (b"#", 400), (b"http://x/livez", None)],
)
def test_so_a_head_is_judged_by_its_target(target, status):
    assert status_of(HOST, target=target) == status


def test_a_target_in_pieces_is_judged_as_a_whole():
    head = Head()
    head.target(b"/" + b"x" * 8000)

    with pytest.raises(HeadRefused) as refused:
        head.target(b"x" * 190)

    assert refused.value.status == 414


@pytest.mark.parametrize(
    ("method", "version", "fields", "status"),
    [
        (b"CONNECT", "1.1", [HOST], 400),
        (b"GET", "0.9", [HOST], 400),
        (b"GET", "2.0", [HOST], 400),
        (b"GET", "1.0", [], None),
        (b"POST", "1.0", [(b"transfer-encoding", b"chunked")], 400),
        (b"GET", "1.0", [HOST, HOST], 400),
    ],
)
def test_so_a_head_is_judged_by_its_method_and_version(method, version, fields, status):
    assert status_of(*fields, method=method, version=version) == status


def test_a_field_with_an_underscore_does_not_count_as_another():
    head = Head()

    assert head.field(b"x-org", b"acme") is True
    assert head.field(b"x_org", b"acme") is False


def test_a_head_without_an_end_is_refused_before_it_is_kept():
    head = Head()
    head.grow(MAX_BYTES)

    with pytest.raises(HeadRefused) as refused:
        head.grow(1)

    assert refused.value.status == 431
