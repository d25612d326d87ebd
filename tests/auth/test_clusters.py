"""Issuers that are clusters: their settings, and what their tokens come to."""

from pathlib import Path

import pytest

from auth.kit import ENVIRONMENT, NOW, SetClock
from sealring.auth.key_sources import StaticKeys
from sealring.auth.profiles import IssuerProfile
from sealring.auth.scoping import principal_of
from sealring.auth.tokens import TokenVerifier
from sealring.errors import SettingsInvalid, Unauthenticated
from support.api_server import ISSUER, account_claims, account_token, key_set

RULE = {
    "sub": "system:serviceaccount:shop:billing",
    "organizations": ["org_acme"],
    "permissions": ["vault:objects:read"],
}
API = {"url": "https://kubernetes.default.svc", "ca_file": "ca.crt", "token_file": "token"}


def cluster(**changes):
    """A profile of a cluster. None leaves a name out."""
    table = {
        "kind": "kubernetes",
        "issuer": ISSUER,
        "jwks": key_set(1)["keys"],
        "algorithms": ["RS256"],
        "audience": "sealring",
        "environment_id": ENVIRONMENT,
        "permissions": ["vault:objects:read", "vault:objects:list"],
        "rules": [RULE],
    }
    table = {name: value for name, value in (table | changes).items() if value is not None}
    return IssuerProfile.parse(table, base=Path("/etc/sealring"))


def settings_refusal(**changes):
    with pytest.raises(SettingsInvalid) as caught:
        cluster(**changes)
    return str(caught.value)


def principal(profile=None, **changes):
    profile = profile or cluster()
    verifier = TokenVerifier([profile], {profile.issuer: StaticKeys(profile.jwks)}, SetClock())
    return principal_of(verifier.verify(account_token(now=NOW, **changes)))


def refusal(profile=None, **changes):
    with pytest.raises(Unauthenticated) as caught:
        principal(profile, **changes)
    return caught.value.reason


# --- settings


def test_a_cluster_has_defaults_of_its_own():
    parsed = cluster()

    assert parsed.types == {"", "jwt"}
    assert parsed.max_lifetime_s == 3_600
    assert parsed.token_review is None
    assert parsed.token_file is None


@pytest.mark.parametrize("name", ["organization_claim", "organizations_claim", "permissions_claim", "keyrings_claim"])
def test_a_cluster_has_no_claims_that_say_organizations_or_permissions(name):
    assert f"{name} is not a setting of kind 'kubernetes'" in settings_refusal(**{name: "x"})


@pytest.mark.parametrize(("name", "value"), [("rules", [RULE]), ("token_review", API)])
def test_only_a_cluster_has_rules_and_reviews(name, value):
    others = {"rules": None, "token_review": None, name: value}

    assert f"{name} is not a setting of kind 'claims'" in settings_refusal(kind=None, **others)


@pytest.mark.parametrize("kind", ["Kubernetes", "k8s", "", 1, ["kubernetes"]])
def test_another_kind_is_refused(kind):
    assert "kind must be 'claims' or 'kubernetes'" in settings_refusal(kind=kind)


@pytest.mark.parametrize("rules", [None, [], {}, "shop", [1]])
def test_a_cluster_without_rules_is_refused(rules):
    assert ": rules must be there at least once" in settings_refusal(rules=rules)


def test_a_wrong_rule_is_named_by_its_number():
    wrong = settings_refusal(rules=[RULE, RULE | {"sub": "*:*"}])

    assert wrong.startswith(f"issuer '{ISSUER}': rules[2]: sub must be system:serviceaccount:NAMESPACE:NAME")


@pytest.mark.parametrize("audience", ["none", ISSUER])
def test_a_cluster_needs_an_audience_that_the_api_server_does_not_have(audience):
    assert "audience must be one of our own" in settings_refusal(audience=audience)


def test_files_are_relative_to_the_settings():
    url = "https://kubernetes.default.svc/openid/v1/jwks"
    parsed = cluster(jwks=None, jwks_url=url, ca_file="ca.crt", token_file="token", token_review=API)

    assert (parsed.ca_file, parsed.token_file) == (Path("/etc/sealring/ca.crt"), Path("/etc/sealring/token"))
    assert parsed.token_review.url == "https://kubernetes.default.svc"
    assert parsed.token_review.ca_file == Path("/etc/sealring/ca.crt")
    assert parsed.token_review.token_file == Path("/etc/sealring/token")


@pytest.mark.parametrize("source", [{}, {"jwks": None, "jwks_url": "http://127.0.0.1/jwks"}])
def test_a_token_is_sent_over_tls_only(source):
    assert ": token_file needs a jwks_url that begins with https://" in settings_refusal(token_file="token", **source)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"url": "http://127.0.0.1"}, "url must begin with https:// and have no query"),
        ({"url": "https://api?x=1"}, "url must begin with https:// and have no query"),
        ({"url": "https://user@api"}, "url must have a host, and no user"),
        ({"url": 1}, "url is missing or not a text"),
        ({"token_file": None}, "token_file is missing"),
        ({"token": "x"}, "token is not a setting"),
    ],
)
def test_a_review_of_another_form_is_refused(changes, wrong):
    review = {name: value for name, value in (API | changes).items() if value is not None}

    assert f"issuer '{ISSUER}': token_review: {wrong}" in settings_refusal(token_review=review)


def test_a_review_is_a_table():
    assert ": token_review is missing or not a table" in settings_refusal(token_review=True)


# --- tokens


def test_a_token_of_a_pod_acts_for_the_organizations_of_its_rule():
    made = principal()

    assert made.issuer == ISSUER
    assert made.subject == made.name == "system:serviceaccount:shop:billing"
    assert made.environment == ENVIRONMENT
    assert made.organizations == {"org_acme"}
    assert made.permissions == {"vault:objects:read"}
    assert len(made.token_id) == 36


def test_a_token_that_is_bound_to_no_pod_is_as_good():
    of_account = account_claims()["kubernetes.io"]

    assert principal(**{"kubernetes.io": {"namespace": "shop", "serviceaccount": of_account["serviceaccount"]}})


@pytest.mark.parametrize("about", [None, "x", {}, {"namespace": "other", "serviceaccount": {"name": "root"}}])
def test_what_else_the_cluster_says_of_an_account_is_not_read(about):
    assert principal(**{"kubernetes.io": about}).organizations == {"org_acme"}


def test_a_valid_token_without_a_rule_may_do_nothing():
    made = principal(name="other")

    assert made.subject == "system:serviceaccount:shop:other"
    assert (made.organizations, made.permissions) == (set(), set())


def test_claims_that_say_organizations_and_permissions_count_for_nothing():
    claims = {"org_id": "org_beta", "organization_ids": ["org_beta"], "permissions": ["vault:objects:list"]}

    made = principal(name="other", scope="vault:objects:list vault:all_organizations", **claims)

    assert (made.organizations, made.permissions) == (set(), set())
    assert principal(org_id=["malformed"]).organizations == {"org_acme"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audience": ISSUER}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ["another", "sealring", 1]}, "audience"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": "kubernetes/serviceaccount"}, "iss"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"exp": NOW - 11, "iat": NOW - 60}, "expired"),
        ({"iat": NOW + 60, "exp": NOW + 70}, "iat"),
        ({"nbf": NOW + 60}, "nbf"),
        ({"lifetime_s": 3_601}, "lifetime"),
        ({"lifetime_s": 360_000_000}, "lifetime"),
        ({"typ": "at+jwt"}, "typ"),
        ({"kid": "key-2"}, "kid"),
        ({"key": 2, "kid": "key-1"}, "signature"),
        ({"sub": None}, "sub"),
        ({"sub": "system:serviceaccount:shop:bill\x00ing"}, "sub"),
        ({"cnf": {"jkt": "x"}}, "cnf"),
    ],
)
def test_what_breaks_a_rule_is_refused(changes, reason):
    assert refusal(**changes) == reason


def test_an_audience_beside_ours_is_allowed():
    assert principal(aud=["vault", "sealring"]).organizations == {"org_acme"}


def test_a_longer_lifetime_can_be_allowed():
    assert principal(cluster(max_lifetime_s=7_200), lifetime_s=7_200).organizations == {"org_acme"}


def test_a_token_without_a_type_is_refused_of_other_issuers():
    assert refusal(cluster(kind=None, rules=None)) == "typ"


def test_the_same_subject_of_another_cluster_is_another_principal():
    other = cluster(
        issuer="https://other.example", jwks=key_set(2)["keys"], rules=[RULE | {"organizations": ["org_b"]}]
    )
    ours = cluster()
    sources = {each.issuer: StaticKeys(each.jwks) for each in (ours, other)}
    verifier = TokenVerifier([ours, other], sources, SetClock())

    theirs = principal_of(verifier.verify(account_token(now=NOW, key=2, iss="https://other.example")))

    assert (theirs.subject, theirs.organizations) == ("system:serviceaccount:shop:billing", {"org_b"})
    for forged in ({"key": 2}, {"key": 2, "kid": "key-1"}, {"key": 1, "iss": "https://other.example"}):
        with pytest.raises(Unauthenticated):
            verifier.verify(account_token(now=NOW, **forged))


def test_old_and_new_keys_of_a_cluster_both_verify():
    rotated = cluster(jwks=key_set(2, 1)["keys"])

    assert principal(rotated, key=1).organizations == principal(rotated, key=2).organizations == {"org_acme"}
