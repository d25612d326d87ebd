"""The route that makes links to the portal, as applications call it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from sealring.domain.portal import PortalToken
from sealring.domain.principal import Permission
from support.live import live_server

ROUTE = "/portal/generate_link"
ORG = "org_portal"
WANTED = {"organization": ORG, "intent": "bring_your_own_key"}


@pytest.fixture
def token(live):
    return live.token(ORG, permissions=frozenset({Permission.PORTAL_LINK}))


@pytest.fixture
def post(live, token):
    return lambda **members: live.ask("POST", ROUTE, token=token, body={**WANTED, **members})


def test_a_link_leads_to_the_host_of_the_settings_with_a_token_and_nothing_else(post):
    answer = post()

    assert answer.status == 201
    assert list(answer.json) == ["link"]
    link = urlsplit(answer.json["link"])
    assert (link.scheme, link.netloc, link.path, link.fragment) == ("http", "localhost:8420", "/portal", "")
    ((name, (text,)),) = parse_qs(link.query).items()
    assert name == "token"
    assert PortalToken.read(text).text == text
    assert ORG not in answer.json["link"]


def test_each_link_is_another_one(post):
    assert len({post().json["link"] for _ in range(5)}) == 5


def test_what_sdks_send_beside_is_ignored(post):
    answer = post(
        return_url=None,
        success_url="",  # of Go
        it_contact_emails=None,
        intent_options={"sso": {"bookmark_slug": "x", "provider_type": "GoogleSAML"}},
        external_user_id="user_1",
        admin_emails=["x"],
    )

    assert answer.status == 201


def test_urls_of_allowed_hosts_and_twenty_contacts_are_taken(post):
    answer = post(
        return_url="https://app.example.com/settings",
        success_url="http://localhost:3000/done?x=1",
        it_contact_emails=[f"it{number}@acme.example" for number in range(20)],
    )

    assert answer.status == 201


@pytest.mark.parametrize(
    "intent",
    [
        "sso",
        "dsync",
        "audit_logs",
        "log_streams",
        "domain_verification",
        "certificate_renewal",
        "Bring_Your_Own_Key",
        "",
    ],
)
def test_another_intent_is_refused_with_the_one_that_there_is(post, intent):
    answer = post(intent=intent)

    assert answer.status == 422
    assert answer.json["code"] == "invalid_body"
    assert answer.json["param"] == "intent"
    assert answer.json["message"] == (
        "intent: This portal is for bring_your_own_key. Other intents belong to other products."
    )
    assert "errors" not in answer.json  # the Node SDK would show it instead of the message


@pytest.mark.parametrize("member", ["organization", "intent"])
@pytest.mark.parametrize("value", [None, 7, ["x"], {}])
def test_organization_and_intent_are_texts(post, member, value):
    answer = post(**{member: value})

    assert (answer.status, answer.json["param"]) == (422, member)


def test_organization_and_intent_are_needed(live, token):
    for member, other in (("organization", "intent"), ("intent", "organization")):
        answer = live.ask("POST", ROUTE, token=token, body={other: WANTED[other]})

        assert (answer.status, answer.json["param"]) == (422, member)


@pytest.mark.parametrize("org", ["", "org acme", "org/acme", "x" * 65, "é"])
def test_a_text_that_is_no_organization_is_refused(post, org):
    assert (post(organization=org).status, post(organization=org).json["param"]) == (422, "organization")


def test_another_organization_is_forbidden(post):
    answer = post(organization="org_another")

    assert (answer.status, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("member", ["return_url", "success_url"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://app.example.com@evil.example/",
        "https://evil.example\\@app.example.com/",
        "//app.example.com/",
        "http://app.example.com/",
        "javascript:alert(1)",
        "https://app.example.com:443/",
        "https://app.example.com./",
        "/settings",
        " ",
        "x" * 3_000,
        7,
        ["https://app.example.com/"],
    ],
    ids=range(13),
)
def test_a_url_of_another_host_is_refused_and_not_repeated(post, member, url):
    answer = post(**{member: url})

    assert (answer.status, answer.json["code"], answer.json["param"]) == (422, "invalid_body", member)
    assert "evil" not in answer.raw.decode()


@pytest.mark.parametrize(
    "emails",
    [
        [f"it{number}@acme.example" for number in range(21)],
        ["not an address"],
        ["it@acme.example\r\nBcc: x@y.example"],
        [""],
        [7],
        "it@acme.example",
        {"a": "b"},
    ],
    ids=range(7),
)
def test_contacts_are_at_most_twenty_addresses(post, emails):
    assert post(it_contact_emails=emails).status == 422


def test_a_portal_that_is_off_has_no_route(tmp_path):
    with live_server(tmp_path, workers=1, threads=2, more="\n[portal]\nenabled = false\n") as server:
        answers = [
            server.ask("POST", ROUTE, token=token, body=WANTED) for token in (None, server.token(), server.token(ORG))
        ]
        nowhere = server.ask("POST", "/portal/nothing", token=server.token())
        described = server.ask("GET", "/openapi.json").json["paths"]

    assert [(each.status, each.json["code"]) for each in answers] == [(404, "route_not_found")] * 3
    assert nowhere.status == 404
    assert ROUTE not in described
