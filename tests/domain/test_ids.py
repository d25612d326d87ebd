import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.ids import Home, ObjectId, environment_id, new_environment_id, new_uuid, org_id, parse_uuid

homes = st.builds(Home.of, st.integers(0, 4095), st.integers(0, (1 << 20) - 1))


@given(st.integers(0, 4095), st.integers(0, (1 << 20) - 1))
def test_an_object_id_begins_with_its_home(partition, tag):
    object_id = ObjectId.new(Home.of(partition, tag))

    assert object_id.home == Home.of(partition, tag)
    assert object_id.partition == object_id.home.partition == partition


def test_a_home_is_12_bits_of_partition_and_20_of_a_tag():
    assert Home.of(0xABC, 0x12345).raw == bytes.fromhex("abc12345")


@given(homes)
def test_an_object_id_is_read_back_from_its_text(home):
    object_id = ObjectId.new(home)

    assert ObjectId.parse(str(object_id)) == object_id


def test_an_object_id_is_secret_and_32_upper_case_digits():
    assert str(ObjectId(bytes(range(0xA0, 0xB0)))) == "secret_A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"


@pytest.mark.parametrize(
    "text", ["", "secret_", "secret_" + "a" * 32, "secret_" + "A" * 31, "secret_" + "A" * 33, "name"]
)
def test_other_texts_are_no_object_id(text):
    assert ObjectId.parse(text) is None


@pytest.mark.parametrize("text", ["", "a" * 65, "org 1", "org/1", "org_é", "org_1\n", "*"])
def test_other_texts_are_no_organization_id(text):
    assert org_id(text) is None


def test_a_new_environment_id_is_one():
    made = new_environment_id()

    assert environment_id(made) == made


@pytest.mark.parametrize(
    "text", ["environment_", "environment_8" + "0" * 25, "environment_" + "0" * 27, "01J" + "0" * 23]
)
def test_other_texts_are_no_environment_id(text):
    assert environment_id(text) is None


@pytest.mark.parametrize(
    "text", ["", "x", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b8109dad11d180b400c04fd430c8"]
)
def test_a_uuid_in_another_form_is_none(text):
    assert parse_uuid(text) is None


def test_a_new_uuid_is_random_and_of_version_4():
    made = [uuid.UUID(bytes=new_uuid()) for _ in range(200)]

    assert {(each.version, each.variant) for each in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == 200
    assert len({each.hex[12:14] for each in made}) > 1
