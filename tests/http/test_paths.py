"""Routes are found as Flask's URL map finds them, if they are found at all."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from sealring.http.paths import Paths, hides_slash

RULES = (
    ("GET", "/kv"),
    ("POST", "/kv"),
    ("GET", "/kv/<object_id>"),
    ("DELETE", "/kv/<object_id>"),
    ("GET", "/kv/<object_id>/versions"),
    ("GET", "/kv/name/<path:name>"),
    ("POST", "/kv/name"),
    ("GET", "/kv/about"),
    ("GET", "/<noun>/about"),
    ("GET", "/<noun>"),
)
METHODS = ("GET", "POST", "DELETE", "PUT", "HEAD")


def filled():
    paths = Paths()
    for method, rule in RULES:
        paths.add(method, rule, f"{method} {rule}")
    return paths


def url_map():
    rules = [Rule(rule, endpoint=f"{method} {rule}", methods=[method]) for method, rule in RULES]
    return Map(rules, merge_slashes=False, strict_slashes=True).bind("sealring")


@given(
    st.sampled_from(METHODS),
    st.lists(st.sampled_from(("", "kv", "name", "about", "versions", "secret_1", "a b", "ä", "%2F", "..", "\n"))),
)
def test_a_path_that_is_found_is_found_so_by_the_url_map_too(method, segments):
    path = "/" + "/".join(segments)
    found = filled().find(method, path)
    if found is not None:
        assert url_map().match(path, method) == found


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/kv", ("GET /kv", {})),
        ("GET", "/kv/secret_1", ("GET /kv/<object_id>", {"object_id": "secret_1"})),
        ("DELETE", "/kv/secret_1", ("DELETE /kv/<object_id>", {"object_id": "secret_1"})),
        ("GET", "/kv/about", ("GET /kv/about", {})),
        ("DELETE", "/kv/about", ("DELETE /kv/<object_id>", {"object_id": "about"})),
        ("GET", "/kv/", None),
        ("GET", "/kv/secret_1/versions", None),
        ("PUT", "/kv/secret_1", None),
        ("HEAD", "/kv/secret_1", None),
        ("GET", "//kv/secret_1", None),
        ("GET", "", None),
    ],
)
def test_short_rules_are_found_and_all_others_are_left_to_the_url_map(method, path, found):
    assert filled().find(method, path) == found


def test_the_url_map_agrees_that_a_fixed_path_goes_before_a_value():
    assert url_map().match("/kv/about", "GET") == ("GET /kv/about", {})
    with pytest.raises(HTTPException):
        url_map().match("/kv/", "GET")


@given(
    st.sampled_from([("vault", "v1", "kv"), ("livez",), ("vault", "v1", "kv", "x", "metadata"), ("kv", "name")]),
    st.text("/a%2F\u00e9", max_size=6),
    st.sampled_from(["", "http://x", "https://x%2Fy:1"]),
    st.data(),
)
def test_an_encoded_slash_hides_unless_it_is_of_the_last_value(segments, name, origin, data):
    route = "/" + "/".join(segments) + "/" * bool(name)
    encoded = "".join(data.draw(st.sampled_from(["/", "%2F", "%2f"])) if each == "/" else each for each in route[1:])
    written = quote(name, safe=data.draw(st.sampled_from(["", "/"])))

    hides = hides_slash(f"{origin}/{encoded}{written}?x=%2F", route + name, {"name": name} if name else {})

    assert hides == ("%" in encoded)
