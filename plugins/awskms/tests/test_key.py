"""Which keys and options can be right at all."""

import pytest

from sealring_awskms.config import AwsConfig
from sealring_awskms.key import Key
from sealring_awskms.partitions import partitions
from sealring_awskms.spec import SPEC, check_key
from sealring_plugin import ConfigInvalid, CustomersKey, WrongRegion

UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:444455556666:key/{UUID}"
ROLE = "arn:aws:iam::444455556666:role/sealring"
SETTINGS = {
    "allowed_hosts": "localhost:4566, kms.eu-west-1.example.com, kms.us-east-1.amazonaws.com, plain.example.com"
}


def ref(key_id=ARN, **options):
    way = {} if options.get("role_arn") else {"grant": "direct"}
    return CustomersKey("awskms", key_id, 1, options=tuple(sorted({**way, **options}.items())))


def parsed(key_id=ARN, **options):
    return Key.of(AwsConfig.of(SETTINGS), ref(key_id, **options))


def test_a_key_is_asked_for_in_its_region():
    key = parsed()

    assert (key.arn, key.region) == (ARN, "eu-west-1")
    assert key.kms.url == "https://kms.eu-west-1.amazonaws.com"
    assert key.sts.url == "https://sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("arn", "url"),
    [
        (f"arn:aws-cn:kms:cn-north-1:444455556666:key/{UUID}", "https://kms.cn-north-1.amazonaws.com.cn"),
        (f"arn:aws-us-gov:kms:us-gov-west-1:444455556666:key/{UUID}", "https://kms.us-gov-west-1.amazonaws.com"),
        (f"arn:aws:kms:ap-southeast-2:444455556666:key/mrk-{'0a' * 16}", "https://kms.ap-southeast-2.amazonaws.com"),
        (f"arn:aws:kms:eu-central-9:444455556666:key/{UUID}", "https://kms.eu-central-9.amazonaws.com"),  # may come
        (f"arn:aws-eusc:kms:eusc-de-east-1:444455556666:key/{UUID}", "https://kms.eusc-de-east-1.amazonaws.eu"),
        (f"arn:aws-iso:kms:us-iso-east-1:444455556666:key/{UUID}", "https://kms.us-iso-east-1.c2s.ic.gov"),
        (f"arn:aws-iso-b:kms:us-isob-east-1:444455556666:key/{UUID}", "https://kms.us-isob-east-1.sc2s.sgov.gov"),
        (f"arn:aws-iso-e:kms:eu-isoe-west-1:444455556666:key/{UUID}", "https://kms.eu-isoe-west-1.cloud.adc-e.uk"),
        (f"arn:aws-iso-f:kms:us-isof-south-1:444455556666:key/{UUID}", "https://kms.us-isof-south-1.csp.hci.ic.gov"),
    ],
)
def test_every_partition_has_its_domain(arn, url):
    key = parsed(arn)

    assert key.kms.url == url
    assert key.sts.url == url.replace("kms", "sts")
    key_host = url.removeprefix("https://")
    AwsConfig.of({}).egress.check(key_host, 443)


@pytest.mark.parametrize("host", ["kms.us-east-1.amazonaws.eu.example.com", "notamazonaws.eu", "kms.example.gov"])
def test_no_other_domain_is_called(host):
    with pytest.raises(ConfigInvalid):
        AwsConfig.of({}).egress.check(host, 443)


def test_a_partition_that_botocore_does_not_know_is_told_apart_from_no_arn():
    with pytest.raises(ConfigInvalid, match=r"partition .* is none that the botocore here knows"):
        check_key(SETTINGS, ref(f"arn:aws-moon:kms:moon-sea-1:444455556666:key/{UUID}"))


def test_what_somebody_adds_to_the_data_of_botocore_names_no_host(tmp_path, monkeypatch):
    (tmp_path / "partitions.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    partitions.cache_clear()

    assert partitions()["aws-eusc"].domain == "amazonaws.eu"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-f"])
def test_a_principal_may_be_of_any_partition(partition):
    AwsConfig.of({"principal": f"arn:{partition}:iam::111122223333:role/sealring"})


@pytest.mark.parametrize("partition", ["", "aws-", "awss", "aws-moon", "AWS", "*"])
def test_a_principal_of_no_partition_is_refused(partition):
    with pytest.raises(ConfigInvalid, match=r"^principal must be the ARN"):
        AwsConfig.of({"principal": f"arn:{partition}:iam::111122223333:role/sealring"})


@pytest.mark.parametrize(
    "key_id",
    [
        "",
        UUID,
        "alias/sealring",
        "arn:aws:kms:eu-west-1:444455556666:alias/sealring",
        f"arn:aws:kms:eu-west-1:444455556666:key/{UUID.upper()}",
        f"arn:aws:kms:eu-west-1:444455556666:key/{UUID}\n",
        f"arn:aws:kms:eu-west-1:444455556666:key/{UUID}/..",
        "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234",
        "arn:aws:kms:eu-west-1:444455556666:key/*",
        f"arn:aws:kms:eu-west-1:44445555666:key/{UUID}",
        f"arn:aws:kms:eu-west-1::key/{UUID}",
        f"arn:aws:kms::444455556666:key/{UUID}",
        f"arn:aws:kms:evil.example.com/eu-west-1:444455556666:key/{UUID}",
        f"arn:aws:kms:eu-west-1.evil.example.com:444455556666:key/{UUID}",
        f"arn:aws:s3:eu-west-1:444455556666:key/{UUID}",
        f"arn:aws-iso:kms:us-isob-east-1:444455556666:key/{UUID}",
        f"arn:aws-iso:kms:aws-iso-global:444455556666:key/{UUID}",
        f"arn:aws:kms:aws-global:444455556666:key/{UUID}",
        f"arn:aws:kms:us-e_ast-1:444455556666:key/{UUID}",
        f"arn:aws-eusc:kms:eu-west-1:444455556666:key/{UUID}",
        f"arn:aws:kms:eusc-de-east-1:444455556666:key/{UUID}",
        f"arn:aws:kms:cn-north-1:444455556666:key/{UUID}",
        f"arn:aws-cn:kms:eu-west-1:444455556666:key/{UUID}",
        f"arn:aws:kms:us-gov-west-1:444455556666:key/{UUID}",
    ],
)
def test_what_is_no_arn_of_a_key_is_refused(key_id):
    with pytest.raises(ConfigInvalid):
        check_key(SETTINGS, ref(key_id))


def test_an_alias_is_refused_with_the_reason():
    with pytest.raises(ConfigInvalid, match="alias can be pointed at another key"):
        check_key(SETTINGS, ref("arn:aws:kms:eu-west-1:444455556666:alias/sealring"))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://kms.eu-west-1.example.com",
        "https://localhost:4566",
        "http://localhost:4566",
        "https://plain.example.com:8443",
    ],
)
def test_an_endpoint_that_the_operator_allows_is_taken(endpoint):
    check_key(SETTINGS, ref(endpoint=endpoint))

    assert parsed(endpoint=endpoint).kms.url == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example.com",
        "https://x.execute-api.eu-west-1.amazonaws.com",  # a host of AWS is anybody's
        "https://kms.eu-west-1.amazonaws.com",  # the operator did not name it; without `endpoint` it is used anyway
        "http://plain.example.com",
        "https://localhost",
        "https://localhost:4567",
        "https://plain.example.com/",
        "https://169.254.169.254",
    ],
)
def test_any_other_endpoint_is_refused(endpoint):
    with pytest.raises(ConfigInvalid):
        check_key(SETTINGS, ref(endpoint=endpoint))


def test_an_endpoint_in_another_region_can_never_be_right():
    with pytest.raises(ConfigInvalid, match="us-east-1"):
        check_key(SETTINGS, ref(endpoint="https://kms.us-east-1.amazonaws.com"))


def test_a_key_of_another_region_is_told_before_anything_is_called():
    with pytest.raises(WrongRegion):
        parsed(endpoint="https://kms.us-east-1.amazonaws.com")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("kms.us-east-1.amazonaws.com", "us-east-1"),
        ("kms-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("kms.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("vpce-0a1b-2c3d.kms.eusc-de-east-1.vpce.amazonaws.eu", "eusc-de-east-1"),
        ("kms-fips.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("kms.eu-west-1.api.aws", "eu-west-1"),
        ("kms.us-east-1.example.com", ""),
        ("localhost", ""),
    ],
)
def test_the_region_of_an_endpoint_is_read_from_its_name(host, region):
    config = AwsConfig.of({"allowed_hosts": host})
    arn = f"arn:aws:kms:ap-south-1:444455556666:key/{UUID}"
    asked = ref(arn, endpoint=f"https://{host}")

    if region:
        with pytest.raises(WrongRegion, match=region):
            Key.of(config, asked)
    else:
        assert Key.of(config, asked).kms.host == host


def test_a_role_is_taken_with_the_external_id():
    key = parsed(role_arn=ROLE, external_id="external-id-of-acme")

    assert (key.role_arn, key.external_id) == (ROLE, "external-id-of-acme")


def test_a_direct_grant_is_used_with_our_own_credentials():
    key = parsed(grant="direct", external_id="external-id-of-acme")

    assert (key.role_arn, key.external_id) == ("", "")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"external_id": "external-id-of-acme"},
        {"endpoint": "https://localhost:4566"},
        {"role_arn": ""},
        {"grant": ""},
        {"grant": "Direct"},
        {"grant": "true"},
        {"grant": "role"},
        {"grant": "direct", "role_arn": ROLE, "external_id": "external-id"},
        {"grant": "directly", "role_arn": ROLE, "external_id": "external-id"},
    ],
)
def test_a_key_that_is_only_named_is_refused_and_never_used_with_our_own_credentials(options):
    asked = CustomersKey("awskms", ARN, 1, options=tuple(sorted(options.items())))

    with pytest.raises(ConfigInvalid, match="grant"):
        check_key(SETTINGS, asked)
    with pytest.raises(ConfigInvalid, match="grant"):
        Key.of(AwsConfig.of(SETTINGS), asked)


@pytest.mark.parametrize(
    "options",
    [
        {"role_arn": ROLE},
        {"role_arn": ROLE, "external_id": ""},
        {"role_arn": ROLE, "external_id": "x"},
        {"role_arn": ROLE, "external_id": "two words"},
        {"role_arn": "sealring", "external_id": "external-id"},
        {"role_arn": ROLE.replace("role/", "user/"), "external_id": "external-id"},
        {"role_arn": ROLE.replace("aws", "aws-cn", 1), "external_id": "external-id"},
        {"role_arn": f"{ROLE} ", "external_id": "external-id"},
    ],
)
def test_a_role_that_cannot_be_assumed_safely_is_refused(options):
    with pytest.raises(ConfigInvalid):
        check_key(SETTINGS, ref(**options))


def test_a_binding_has_these_options_and_no_others():
    assert [option.name for option in SPEC.key_options] == ["role_arn", "grant", "endpoint"]
    assert SPEC.bound_as == "AWS_KMS"
