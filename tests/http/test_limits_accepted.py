"""What must not be refused: all that SDKs send besides, every spelling of a time, and every name."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from secrecy.wire import problem

ORG = {"organization_id": "org_acme"}


@pytest.fixture
def acme(live):
    return live.token("org_acme")


def create(live, token, name, org="org_acme"):
    body = {"name": name, "value": f"value of {name}", "key_context": {"organization_id": org}}
    answer = live.ask("POST", "/vault/v1/kv", token=token, body=body)
    assert answer.status == 201, answer.raw
    return answer.json


def test_get_and_delete_without_a_body_may_be_declared_as_json(live, acme):
    made = create(live, acme, "declared without a body")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}

    read, deleted = (
        live.ask(method, f"/vault/v1/kv/{made['id']}", token=acme, headers=headers) for method in ("GET", "DELETE")
    )

    assert (read.status, read.json["value"]) == (200, "value of declared without a body")
    assert (deleted.status, deleted.json) == (200, {"success": True, "name": "declared without a body"})


def test_unknown_members_are_ignored_where_sdks_send_some(live, acme):
    more = {"cmk_id": "x", "metadata": {"a": [1, None]}, "id": 5}
    body = {"name": "with more members", "value": "x", "key_context": ORG, **more}

    created = live.ask("POST", "/vault/v1/kv", token=acme, body=body)
    updated = live.ask("PUT", f"/vault/v1/kv/{created.json['id']}", token=acme, body={"value": "y", **more})
    pair = live.ask("POST", "/vault/v1/keys/data-key", token=acme, body={"context": ORG, **more})
    blob = pair.json["encrypted_keys"]
    decrypted = live.ask("POST", "/vault/v1/keys/decrypt", token=acme, body={"keys": blob, **more})
    rekey = {"encrypted_keys": blob, "context": ORG, **more}
    rekeyed = live.ask("POST", "/vault/v1/keys/rekey", token=acme, body=rekey)

    assert [answer.status for answer in (created, updated, pair, decrypted, rekeyed)] == [201, 201, 200, 200, 200]
    assert live.ask("GET", "/vault/v1/kv/name/with%20more%20members", token=acme).json["value"] == "y"
    assert created.json["id"] == updated.json["id"] != 5
    assert pair.json["data_key"] == decrypted.json["data_key"] == rekeyed.json["data_key"]
    assert rekeyed.json["context"] == ORG


def test_unknown_query_parameters_are_ignored_where_sdks_send_some(live, acme):
    made = create(live, acme, "with more parameters")
    one = f"/vault/v1/kv/{made['id']}"

    asked = {
        path: (live.ask("GET", f"{path}?{query}", token=acme), live.ask("GET", path, token=acme))
        for path, query in (
            ("/vault/v1/kv", "page=1&x=&=y&z"),
            ("/vault/v1/kv/name/with%20more%20parameters", "x=1"),
            (one, "x=1"),
            (f"{one}/metadata", "x=1"),
            (f"{one}/versions", "x=1"),
        )
    }
    deleted = live.ask("DELETE", f"{one}?x=1", token=acme)

    for with_more, without in asked.values():
        assert with_more.status == 200
        assert with_more.json == without.json
    assert (deleted.status, deleted.json["success"]) == (200, True)


@pytest.mark.parametrize("body", [{"x": 1}, {"version_id": "x"}, {"value": "x"}], ids=str)
def test_unknown_members_are_invalid_on_our_own_routes(live, acme, body):
    made = create(live, acme, f"strict {body}")

    answer = live.ask("POST", f"/sealring/v1/kv/{made['id']}/restore", token=acme, body=body)

    assert problem(answer) == (422, "invalid_body")


@pytest.mark.parametrize("method_and_rest", [("POST", "restore"), ("GET", "versions/{version_id}")])
def test_unknown_query_parameters_are_invalid_on_our_own_routes(live, acme, method_and_rest):
    method, rest = method_and_rest
    made = create(live, acme, f"strict {method}")

    answer = live.ask(method, f"/sealring/v1/kv/{made['id']}/{rest.format(**made)}?x=1", token=acme)

    assert problem(answer) == (422, "invalid_body")


@pytest.mark.parametrize("raw_body", [None, b"", b"{}", b" {} "])
def test_a_restore_needs_no_body(live, acme, raw_body):
    made = create(live, acme, f"restored with {raw_body}")
    live.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=acme)

    answer = live.ask("POST", f"/sealring/v1/kv/{made['id']}/restore", token=acme, raw_body=raw_body)

    assert (answer.status, answer.json["id"]) == (200, made["id"])
    assert (
        live.ask("GET", f"/vault/v1/kv/{made['id']}", token=acme).json["value"] == f"value of restored with {raw_body}"
    )


@pytest.fixture(scope="module")
def three(live):
    """A token for an organization with three objects."""
    token = live.token("org_queries")
    for name in ("first", "second", "third"):
        create(live, token, name, "org_queries")
    return token


NEWEST_FIRST = ["third", "second", "first"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", NEWEST_FIRST),
        ("limit=1", ["third"]),
        ("limit=100", NEWEST_FIRST),
        ("limit=002", ["third", "second"]),
        ("order=asc", ["first", "second", "third"]),
        ("order=desc", NEWEST_FIRST),
        ("search=", NEWEST_FIRST),
        ("search=IR", ["third", "first"]),
        ("search=%00", []),
        ("before=", NEWEST_FIRST),
        ("after=", NEWEST_FIRST),
    ],
)
def test_a_good_query_is_answered(live, three, query, names):
    answer = live.ask("GET", f"/vault/v1/kv?{query}", token=three)

    assert answer.status == 200
    assert [row["name"] for row in answer.json["data"]] == names


def test_a_limit_of_100_is_a_page_of_100(live):
    token = live.token("org_hundred")
    for number in range(101):
        create(live, token, f"of many {number}", "org_hundred")

    page = live.ask("GET", "/vault/v1/kv?limit=100", token=token).json

    assert len(page["data"]) == 100
    assert page["list_metadata"]["after"] is not None


SPELLINGS = [
    "{}-01-31T12:00:00Z",
    "{}-01-31T12:00:00.1Z",
    "{}-01-31T12:00:00.123Z",
    "{}-01-31T12:00:00.123456Z",
    "{}-01-31T12:00:00.123456789Z",
    "{}-01-31T12:00:00",
    "{}-01-31T12:00Z",
    "{}-01-31T12:00",
    "{}-01-31",
    "{}-01-31T12:00:00+00:00",
    "{}-01-31T12:00:00%2B00:00",
    "{}-01-31T12:00:00+0200",
    "{}-01-31T12:00:00.123%2B02:00",
    "{}-01-31T12:00:00.123+02:00",
    "{}-01-31T12:00+02:00",
    "{}-01-31T12:00:00-05:00",
    "{}-01-31%2012:00:00",
    "Sat%20Jan%2031%20{}%2012:00:00%20GMT%2B0000%20(Coordinated%20Universal%20Time)",
    "Sat+Jan+31+{}+12:00:00+GMT%2B0100+(Central+European+Standard+Time)",
    "Sat%20Jan%2031%20{}%2012:00:00%20GMT+0100",
    "Sat%20Jan%2031%20{}%2012:00:00%20GMT-0500%20(Eastern%20Standard%20Time)",
]


@pytest.mark.parametrize("parameter", ["updatedAfter", "updated_after"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_time_may_be_spelt_in_every_way_that_an_sdk_does(live, parameter, spelling):
    token = live.token("org_times")
    create(live, token, f"{parameter} {spelling}", "org_times")

    before, after = (
        live.ask("GET", f"/vault/v1/kv?{parameter}={spelling.format(year)}", token=token) for year in (2001, 2101)
    )

    assert (before.status, after.status) == (200, 200)
    assert before.json["data"] != []
    assert after.json["data"] == []


@pytest.mark.parametrize("offset_minutes", [0, 120, -300, 330])
def test_updated_after_is_strictly_greater_whatever_the_offset(live, offset_minutes):
    org = f"org_offset_{offset_minutes}"
    token = live.token(org)
    made = create(live, token, "offset", org)
    moment = datetime.fromisoformat(made["updated_at"]).astimezone(timezone(timedelta(minutes=offset_minutes)))
    earlier = moment - timedelta(milliseconds=1)

    at_it, before_it = (
        live.ask("GET", f"/vault/v1/kv?updatedAfter={each.isoformat(timespec='milliseconds')}", token=token)
        for each in (moment, earlier)
    )

    assert moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") == made["updated_at"]
    assert (len(at_it.json["data"]), len(before_it.json["data"])) == (0, 1)


NAMES = [
    "a/b", "/leading", "trailing/", "/", "//", "a//b", "a/./b", "a/../b", "../x", "...", ".x", "x/metadata", "x/versions",
    "name", "name/x", "metadata", "versions", "%2F", "a%2Fb", "%", "%41", " leading", "trailing ", "a b", "a  b", "a+b",
    "é", "e\u0301", "ÅÄÖ", "名前", "😀", "👩‍👩‍👧", "\u202eright to left", "a?b", "a#b", "a&b=c", "a;b", 'a"b', "a\\b", "a:b",
    "<b>", "{a}", "*", "null", "secret_00000000000000000000000000000000", "x" * 200, "\ufeffx", "a\u2028b", "ﬁ", "İ",
]  # fmt: skip


@pytest.mark.parametrize("safe", ["", "/"], ids=["all encoded", "slashes as they are"])
@pytest.mark.parametrize("name", NAMES, ids=[f"{number}" for number in range(len(NAMES))])
def test_every_name_can_be_read_by_name(live, safe, name):
    org = f"org_names_{'encoded' if safe else 'raw'}"
    token = live.token(org)
    create(live, token, name, org)

    answer = live.ask("GET", f"/vault/v1/kv/name/{quote(name, safe=safe)}", token=token)

    assert answer.status == 200
    assert answer.json["name"] == name
    assert answer.json["value"] == f"value of {name}"
