import threading
import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.kit import NOW, SetClock, claims, ec_key, jwk, nothing_revoked, profile, sign, verifier, verifier_of
from sealring.auth.jwks import KeySet
from sealring.auth.scoping import Authenticator, principal_of
from sealring.auth.tokens import TokenVerifier
from sealring.domain.principal import Permission
from sealring.errors import MalformedRequest, Unauthenticated
from support.loop import in_fibers


def principal(*, verify=None, **members):
    return principal_of((verify or verifier()).verify(sign(claims() | members)))


def refusal(**members):
    with pytest.raises(Unauthenticated) as caught:
        principal(**members)
    return caught.value.reason


# --- who


def test_the_principal_has_the_issuer_the_subject_and_the_environment_of_the_profile():
    made = principal(environment_id="environment_71H2X3Y4Z5A6B7C8D9E0F1G2H3")

    assert made.issuer == "https://auth.example.com"
    assert made.subject == "user_1"
    assert made.environment == "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"


def test_the_same_subject_of_two_issuers_is_two_principals():
    verify = verifier_of(profile(), profile(issuer="https://other.example.com"))

    mine = principal(verify=verify)
    theirs = principal(verify=verify, iss="https://other.example.com")

    assert mine.subject == theirs.subject == "user_1"
    assert mine != theirs


@pytest.mark.parametrize("name", ["Ada", "n" * 200, "Zoë 😀"])
def test_the_name_is_the_name_claim(name):
    assert principal(name=name).name == name


@pytest.mark.parametrize("name", ["", "n" * 201, "a\nb", "\x1b[2J", 1, None, ["Ada"]])
def test_a_name_that_is_no_short_plain_text_gives_way_to_the_subject(name):
    assert principal(name=name).name == "user_1"


# --- organizations


def test_without_a_claim_there_is_no_organization():
    assert principal().organizations == frozenset()


def test_organizations_are_the_one_and_the_list():
    made = principal(org_id="org_1", organization_ids=["org_2", "org_3", "org_1"])

    assert made.organizations == {"org_1", "org_2", "org_3"}


def test_the_profile_names_the_organization_claims():
    verify = verifier(organization_claim="https://example.com/org", organizations_claim="orgs")

    made = principal(
        verify=verify,
        org_id="org_9",
        organization_ids=["org_8"],
        orgs=["org_2"],
        **{"https://example.com/org": "org_1"},
    )

    assert made.organizations == {"org_1", "org_2"}


@pytest.mark.parametrize("org", ["", "o" * 65, "org 1", "org_1\n", "org/1", "*", None, 1, True, ["org_1"], {}])
def test_an_organization_that_is_no_id_is_refused(org):
    assert refusal(org_id=org) == "organization claim"
    assert refusal(organization_ids=["org_1", org]) == "organization claim"


@pytest.mark.parametrize("orgs", ["org_1", None, {"org_1": 1}, 1, ""])
def test_organizations_that_are_no_list_are_refused(orgs):
    assert refusal(organization_ids=orgs) == "organization claim"


# --- permissions


def test_permissions_are_those_of_the_scope_and_of_the_claim():
    made = principal(scope="openid vault:objects:read", permissions=["vault:keys:use"])

    assert made.permissions == {Permission.OBJECTS_READ, Permission.KEYS_USE}


def test_without_a_claim_there_is_no_permission():
    assert principal().permissions == frozenset()


def test_unknown_permissions_are_ignored():
    made = principal(scope="vault:objects:* vault VAULT:KEYS:USE vault:objects:readx", permissions=["", "admin"])

    assert made.permissions == frozenset()


def test_permissions_above_the_ceiling_are_ignored():
    verify = verifier(permissions=["vault:objects:read"])

    made = principal(
        verify=verify, scope="vault:objects:read vault:keks:manage", permissions=["vault:all_organizations"]
    )

    assert made.permissions == {Permission.OBJECTS_READ}
    assert not made.everywhere


def test_the_profile_names_the_permissions_claim():
    made = principal(verify=verifier(permissions_claim="scp"), permissions=["vault:keys:use"], scp="vault:objects:read")

    assert made.permissions == {Permission.OBJECTS_READ}


@pytest.mark.parametrize("value", [None, 1, True, {"vault:keys:use": 1}, [1], ["vault:keys:use", None], [["x"]]])
def test_permissions_that_are_no_texts_are_refused(value):
    assert refusal(permissions=value) == "permissions claim"
    assert refusal(scope=value) == "permissions claim"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["name", "org_id", "organization_ids", "scope", "permissions"]), json_values))
def test_any_claims_make_a_principal_within_the_ceiling_or_are_refused(members):
    try:
        made = principal(**members)
    except Unauthenticated:
        return

    assert made.permissions <= {Permission.OBJECTS_READ, Permission.OBJECTS_CREATE, Permission.KEYS_USE}
    made.name.encode()


# --- the cache


class CountedKeys:
    """A key source that counts, and that can lose its keys."""

    def __init__(self):
        self.keys = KeySet.of([jwk(ec_key())])
        self.asked = 0

    def key(self, kid, alg):
        self.asked += 1
        return self.keys.key(kid, alg) if self.keys else None

    def at_hand(self, kid, alg):
        return True


@pytest.fixture
def keys():
    return CountedKeys()


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def authenticator(keys, clock):
    one = profile()
    return Authenticator(TokenVerifier([one], {one.issuer: keys}, clock), nothing_revoked(), clock)


def header(**changes):
    return ["Bearer " + sign(claims(**changes))]


def test_a_header_becomes_a_principal(authenticator):
    assert authenticator.authenticate(header(org_id="org_1")).organizations == {"org_1"}


def test_a_token_is_verified_once_a_minute(authenticator, keys, clock):
    values = header()
    first = authenticator.authenticate(values)

    clock.now = NOW + 59.9
    again = authenticator.authenticate(values)
    assert again is first
    assert keys.asked == 1
    clock.now = NOW + 60.0
    authenticator.authenticate(values)
    assert keys.asked == 2


def test_a_withdrawn_key_counts_for_a_minute_at_most(authenticator, keys, clock):
    values = header()
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW + 60.0

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


def test_the_cache_never_outlives_exp(authenticator, keys, clock):
    values = header(exp=NOW + 30)
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW + 29.9
    assert authenticator.authenticate(values).subject == "user_1"
    clock.now = NOW + 30.0
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


def test_a_clock_that_is_set_back_does_not_prolong_the_cache(authenticator, keys, clock):
    values = header(iat=NOW - 4_000)
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW - 3_600.0

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


class HangingKeys:
    """Keys that have to be fetched from somebody who does not answer."""

    def __init__(self):
        self.answers = threading.Event()
        self.threads = set()

    def key(self, kid, alg):
        self.threads.add(threading.current_thread())
        self.answers.wait(10)

    def at_hand(self, kid, alg):
        return False


def test_whoever_waits_for_the_keys_of_an_issuer_holds_up_no_other_issuer(keys, clock):
    hanging, ours, theirs = HangingKeys(), profile(), profile(issuer="https://hanging.example")
    verifier = TokenVerifier([ours, theirs], {ours.issuer: keys, theirs.issuer: hanging}, clock)
    authenticator = Authenticator(verifier, nothing_revoked(), clock)

    def waits():
        authenticator.authenticate(header(iss=theirs.issuer))

    def passes():
        subject = authenticator.authenticate(header()).subject
        hanging.answers.set()
        return subject

    *waiting, passed = in_fibers(*[waits] * 40, passes)

    assert passed.get() == "user_1"
    assert {type(each.failure) for each in waiting} == {Unauthenticated}
    assert len(hanging.threads) == 1


def test_failures_are_not_remembered(authenticator, keys):
    values = header()
    working, keys.keys = keys.keys, None
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)

    keys.keys = working

    assert authenticator.authenticate(values).subject == "user_1"


def test_a_token_whose_claims_make_no_principal_is_refused_each_time(authenticator, keys):
    values = header(org_id=1)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(values)

    assert keys.asked == 2


def test_another_token_of_the_same_caller_is_verified_itself(authenticator):
    authenticator.authenticate(header())

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(["Bearer " + sign(key=ec_key(2))])


def test_a_cached_token_still_needs_a_sound_header(authenticator):
    values = header()
    authenticator.authenticate(values)

    with pytest.raises(MalformedRequest):
        authenticator.authenticate([*values, *values])
    with pytest.raises(Unauthenticated):
        authenticator.authenticate([values[0].replace("Bearer", "Basic")])


def test_the_oldest_token_leaves_when_there_are_too_many(authenticator, keys, monkeypatch):
    monkeypatch.setattr("sealring.auth.scoping.MAX_CACHED", 3)
    headers = [header(sub=f"user_{number}") for number in range(4)]
    for values in headers:
        authenticator.authenticate(values)
    assert keys.asked == 4

    for values in headers[1:]:
        authenticator.authenticate(values)
    assert keys.asked == 4
    authenticator.authenticate(headers[0])

    assert keys.asked == 5
    assert len(authenticator._cached) == 3


def test_many_threads_share_a_cache_that_stays_bounded(authenticator, monkeypatch):
    monkeypatch.setattr("sealring.auth.scoping.MAX_CACHED", 5)
    headers = [header(sub=f"user_{number}") for number in range(10)]
    subjects = []

    def call():
        subjects.extend(authenticator.authenticate(values).subject for values in headers)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(subjects)) == [f"user_{number}" for number in range(10)]
    assert len(subjects) == 80
    assert len(authenticator._cached) == 5


def test_a_header_that_cannot_be_encoded_is_refused(authenticator):
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(["Bearer \ud800"])


def test_a_hit_costs_microseconds():
    now = int(time.time())
    one = profile()
    authenticator = Authenticator(TokenVerifier([one], {one.issuer: CountedKeys()}), nothing_revoked())
    values = header(iat=now, exp=now + 300)
    authenticator.authenticate(values)

    seconds = min(timeit.repeat(lambda: authenticator.authenticate(values), number=1_000, repeat=5)) / 1_000

    assert seconds < 100e-6  # about 3 µs; verifying costs 150 µs and more


# --- keyrings


def test_a_principal_may_use_the_keyrings_of_its_claim():
    assert principal().keyrings == frozenset()
    assert principal(keyrings=["env_1", "ws/2", ""]).keyrings == {"env_1", "ws/2", ""}


def test_the_profile_names_the_keyrings_claim():
    made = principal(verify=verifier(keyrings_claim="rings"), keyrings=["env_1"], rings=["env_2"])

    assert made.keyrings == {"env_2"}


@pytest.mark.parametrize("named", ["env_1", None, 1, {}, [1], [None], ["a\0b"], ["é" * 257]])
def test_a_malformed_keyrings_claim_is_refused(named):
    assert refusal(keyrings=named) == "keyrings claim"
