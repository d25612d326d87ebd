"""The seal of the root by AWS KMS."""

import pytest
from aws_emulators import emulators
from aws_emulators.fault_proxy import FaultProxy

from sealring_awskms.seal_spec import SEAL
from sealring_plugin import ConfigInvalid, KeyDisabled, KeyPendingDeletion, Unavailable, WrongRegion
from sealring_plugin.conformance import SealConformance

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0123abcd-0123-0123-0123-0123456789ab"
OURS = "AKIAIOSFODNN7EXAMPLE"  # for moto, which has no accounts of access keys
SECRET, AAD = bytes(range(32)), b"aad"


@pytest.fixture
def make_seal(settings, tmp_path):
    made = []

    def make_seal(proxy, arn, **others):
        table = {**settings, "key": arn, "endpoint": proxy.url, "allowed_hosts": proxy.place, **others}
        made.append(SEAL.build(SEAL.parse_config(table, tmp_path)))
        return made[-1]

    yield make_seal
    for each in made:
        each.close()


class TestAwsSeal(SealConformance):
    spec = SEAL

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulated(cls, moto, secret_file):
        ours = emulators.client("kms", moto.port, OURS)
        proxy = FaultProxy(moto.port)
        cls.keys = [ours.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
        cls.table = {
            "endpoint": proxy.url,
            "allowed_hosts": proxy.place,
            "access_key_id": OURS,
            "secret_access_key_file": str(secret_file),
        }
        yield
        proxy.close()

    def settings(self):
        return {"key": self.keys[0], **self.table}

    def another_key(self, folder):
        return SEAL.build(SEAL.parse_config({"key": self.keys[1], **self.table}, folder))


def test_kms_sees_the_digest_of_what_is_bound_and_no_root_key(make_seal, proxy, localstack, call):
    seal = make_seal(proxy, localstack.make_key())

    seal.open(seal.seal(SECRET, AAD, call()), AAD, call())

    seen = [*proxy.of("Encrypt"), *proxy.of("Decrypt")]
    assert [list(each.body["EncryptionContext"]) for each in seen] == [["sealring-root"]] * 2
    assert len({each.body["EncryptionContext"]["sealring-root"] for each in seen}) == 1


def test_a_disabled_key_opens_nothing(make_seal, proxy, localstack, call):
    arn = localstack.make_key()
    seal = make_seal(proxy, arn)
    sealed = seal.seal(SECRET, AAD, call())
    localstack.admin.disable_key(KeyId=arn)

    with pytest.raises(KeyDisabled):
        seal.open(sealed, AAD, call())


def test_a_key_that_will_be_deleted_opens_nothing(make_seal, proxy, localstack, call):
    arn = localstack.make_key()
    seal = make_seal(proxy, arn)
    sealed = seal.seal(SECRET, AAD, call())
    localstack.admin.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)

    with pytest.raises(KeyPendingDeletion):
        seal.open(sealed, AAD, call())


def test_kms_that_is_away_is_unavailable(make_seal, proxy, localstack, call):
    seal = make_seal(proxy, localstack.make_key())
    proxy.close()

    with pytest.raises(Unavailable):
        seal.seal(SECRET, AAD, call(2.0))


@pytest.mark.parametrize("key", ["", "alias/root", KEY.replace("key/", "alias/"), KEY.replace("kms", "iam")])
def test_a_key_that_is_not_named_by_its_arn_is_refused(settings, tmp_path, key):
    with pytest.raises(ConfigInvalid, match=r"the key must be named|an alias can"):
        SEAL.build(SEAL.parse_config({**settings, "key": key}, tmp_path))


def test_an_endpoint_that_the_operator_does_not_name_is_refused(settings, tmp_path):
    with pytest.raises(ConfigInvalid):
        SEAL.build(SEAL.parse_config({**settings, "key": KEY, "endpoint": "https://kms.example.com"}, tmp_path))


def test_an_endpoint_of_another_region_is_refused(settings, tmp_path):
    host = "kms.us-east-1.amazonaws.com"
    table = {**settings, "key": KEY, "endpoint": f"https://{host}", "allowed_hosts": host}

    with pytest.raises(WrongRegion):
        SEAL.build(SEAL.parse_config(table, tmp_path))


def test_settings_of_customers_keys_are_none_of_a_seal():
    names = {field.name for field in SEAL.config}

    assert names & {"principal", "sts_endpoint", "reencrypt"} == set()
