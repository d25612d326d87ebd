"""A neighbour with valid tokens gets at no keyring of another, however its name is written, and learns nothing of it.

With keyrings in the store, and in a bucket whose storage takes keys for paths.

Attacks "Separation of organizations" (SECURITY.md) and "Whose a keyring is" (docs/keyrings.md).
"""

import uuid
from itertools import product
from urllib.parse import quote

import pytest

from isolation.acme import Organization
from isolation.callers import signed

VAULT = "/vault.v1.VaultService"
DENIED = {"permission_denied", "forbidden"}
SAME = {"X-Request-ID": "the-same-for-both"}


@pytest.fixture(scope="module", params=["in the store", "in a bucket"])
def both(request):
    """Two servers."""
    if request.param == "in a bucket":
        return request.getfixturevalue("servers_with_bucket")
    servers = request.getfixturevalue("servers")
    return servers.one, servers.other


@pytest.fixture(scope="module")
def owner(both):
    """An organization with a keyring, and a value that it encrypted."""
    return Owner(both[0], f"org_{uuid.uuid4().hex[:16]}")


@pytest.fixture(scope="module")
def me(both, owner):
    """A neighbour whose id begins with the owner's."""
    return Organization(both[1], f"{owner.id}x", both[1].token(f"{owner.id}x"))


class Owner:
    def __init__(self, live, org):
        self.id = org
        self.live = live
        self.token = live.token(org)
        self.ring = f"{org}/ring"
        self.encrypted = self.ask("Encrypt", keyring=self.ring, data="secret").json["encrypted"]

    def ask(self, method, **members):
        return self.live.ask("POST", f"{VAULT}/{method}", token=self.token, body=members)


def asked(live, token, ring, encrypted):
    """What the methods and routes say of a keyring by this name."""

    def of_vault(method, **members):
        return live.ask("POST", f"{VAULT}/{method}", token=token, body={"keyring": ring, **members}, headers=SAME)

    def of_route(what, items):
        path = f"/sealring/v1/keyrings/{quote(ring, safe='')}/{what}"
        return live.ask("POST", path, token=token, body=None if items is None else {"items": items}, headers=SAME)

    return {
        "Encrypt": of_vault("Encrypt", data="x"),
        "Decrypt": of_vault("Decrypt", encrypted=encrypted),
        "EncryptBulk": of_vault("EncryptBulk", items={"a": "x"}),
        "DecryptBulk": of_vault("DecryptBulk", items={"a": encrypted}),
        "ReEncrypt": of_vault("ReEncrypt", encrypted=encrypted),
        "encrypt": of_route("encrypt", {"a": "x"}),
        "decrypt": of_route("decrypt", {"a": encrypted}),
        "rotate": of_route("rotate", None),
    }


def assert_denied(answers, denied=DENIED):
    assert {what: answer.json["code"] for what, answer in answers.items() if answer.json["code"] not in denied} == {}


FOREIGN = {
    "the keyring": "{owner}/ring",
    "the organization": "{owner}",
    "one that is not there": "{owner}/none",
    "a longer one": "{owner}/ring/x",
    "no name after the slash": "{owner}/",
    "dots before it": "../{owner}/ring",
    "a slash before it": "/{owner}/ring",
    "two slashes": "{owner}//ring",
    "an escaped slash": "{owner}%2Fring",
    "a blank before it": " {owner}/ring",
    "a blank after it": "{owner} /ring",
    "capitals": "{OWNER}/ring",
    "a division slash": "{owner}\u2215ring",
    "a fraction slash": "{owner}\u2044ring",
    "a fullwidth slash": "{owner}\uff0fring",
    "a zero-width blank": "{owner}\u200b/ring",
    "a soft hyphen": "{owner}\u00ad/ring",
    "a Cyrillic o": "\u043e{owner_rest}/ring",
    "fullwidth letters": "\uff4f{owner_rest}/ring",
    "a right-to-left mark": "\u202e{owner}/ring",
    "a backslash": "{owner}\\ring",
    "nobody's": "nobody's ring",
    "a dot": ".",
    "dots": "..",
    "a slash": "/",
    "dots and a slash": "../",
    "a dash": "-",
    "a newest key": "LATEST",
    "a key of it": "{owner}/ring/LATEST",
}


def written(how, owner, me):
    return FOREIGN[how].format(owner=owner.id, me=me.id, OWNER=owner.id.upper(), owner_rest=owner.id[1:])


@pytest.mark.parametrize("how", FOREIGN)
def test_a_keyring_of_somebody_else_is_denied_however_it_is_written(owner, me, how):
    assert_denied(asked(me.live, me.token, written(how, owner, me), owner.encrypted))


def test_the_keyring_without_a_name_is_denied_and_no_route_leads_to_it(owner, me):
    assert_denied(asked(me.live, me.token, "", owner.encrypted), {"permission_denied", "route_not_found"})


def test_a_keyring_that_exists_is_denied_as_one_that_does_not(owner, me):
    there, not_there = (asked(me.live, me.token, ring, owner.encrypted) for ring in (owner.ring, f"{owner.id}/none"))

    assert {what: (answer.status, answer.raw) for what, answer in there.items()} == {
        what: (answer.status, answer.raw) for what, answer in not_there.items()
    }


WAYS_UP = ["{me}/../{owner}/ring", "{me}/x/../../{owner}/ring", "{me}/./../{owner}/ring", "{me}//../../{owner}/ring"]


@pytest.mark.parametrize("way", WAYS_UP)
def test_a_name_is_taken_as_it_is_and_reaches_nobody_elses_keyring(owner, me, way):
    """It belongs to whoever's id precedes the first slash, and no part of it is a way up."""
    answers = asked(me.live, me.token, way.format(owner=owner.id, me=me.id), owner.encrypted)

    if me.live.settings.bucket is not None:
        assert_denied(answers, {"invalid_argument", "invalid_body"})
        return
    assert {what: answers[what].status for what in ("Encrypt", "EncryptBulk", "encrypt", "rotate")} == {
        "Encrypt": 200, "EncryptBulk": 200, "encrypt": 200, "rotate": 200,
    }  # fmt: skip
    assert {answers[what].json["code"] for what in ("Decrypt", "DecryptBulk", "ReEncrypt")} == {"invalid_argument"}
    assert answers["decrypt"].json["items"]["a"]["code"] == "envelope_rejected"


CLAIMED = ["{owner}/ring/", "{owner}/rin", "{owner}", "{owner}/*", "*", "{OWNER}/ring", "{owner}\u2215ring", "", "/"]


@pytest.mark.parametrize("claim", CLAIMED)
def test_a_claim_opens_the_keyring_of_that_very_name_and_no_other(owner, me, claim):
    claim = claim.format(owner=owner.id, OWNER=owner.id.upper())
    token = signed(me.live, org_id=me.id, org_ids=[me.id], keyrings=[claim])

    assert_denied(asked(me.live, token, owner.ring, owner.encrypted))


def test_a_claim_opens_no_value_of_another_keyring(owner, me):
    ring = f"{owner.id}/shared"
    token = signed(me.live, org_id=me.id, org_ids=[me.id], keyrings=[ring, "nobody's"])

    shared, nobodys = (asked(me.live, token, each, owner.encrypted) for each in (ring, "nobody's"))

    for answers, what in product((shared, nobodys), ("Decrypt", "DecryptBulk", "ReEncrypt")):
        assert answers[what].json["code"] == "invalid_argument"
    assert shared["Encrypt"].status == nobodys["Encrypt"].status == 200


@pytest.mark.parametrize(
    "claim", ["{owner}/ring", 7, {"0": "{owner}/ring"}, [["{owner}/ring"]], [None], None], ids=repr
)
def test_a_claim_that_is_no_list_of_names_opens_nothing(owner, me, claim):
    named = _with(claim, owner.ring)
    token = signed(me.live, org_id=me.id, org_ids=[me.id], keyrings=named)

    answers = asked(me.live, token, owner.ring, owner.encrypted)

    assert {answer.status for answer in answers.values()} <= {401, 403}


def _with(claim, ring):
    if isinstance(claim, str):
        return ring
    if isinstance(claim, list):
        return [_with(each, ring) for each in claim]
    return dict.fromkeys(claim, ring) if isinstance(claim, dict) else claim


def test_the_same_name_in_another_environment_is_another_keyring(servers):
    owner = Owner(servers.one, f"org_{uuid.uuid4().hex[:16]}")
    token = servers.second.token(owner.id)

    answers = asked(servers.one, token, owner.ring, owner.encrypted)

    assert answers["Encrypt"].status == 200
    assert {answers[what].json["code"] for what in ("Decrypt", "DecryptBulk", "ReEncrypt")} == {"invalid_argument"}


def test_the_owner_still_has_the_key_that_it_had(owner):
    assert owner.ask("Decrypt", keyring=owner.ring, encrypted=owner.encrypted).json == {"plaintext": "secret"}
