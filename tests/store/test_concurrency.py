"""Sixteen processes at once, over HTTP."""

import pytest

from support.race import create, sixteen_processes, update_each_round

ROUNDS = 5


@pytest.fixture(scope="module")
def sixteen():
    with sixteen_processes() as sixteen:
        yield sixteen


def test_of_sixteen_checked_updates_one_wins_each_round(live, sixteen):
    token = live.token("org_race")
    body = {"name": "contended", "value": "first", "key_context": {"organization_id": "org_race"}}
    path = f"/vault/v1/kv/{live.ask('POST', '/vault/v1/kv', token=token, body=body).json['id']}"

    statuses = sixteen.run(update_each_round, live.url, token, path, ROUNDS)

    versions = live.ask("GET", f"{path}/versions", token=token).json["data"]
    for each_round in zip(*statuses, strict=True):
        assert sorted(each_round) == [201] + [409] * 15
    assert len({version["id"] for version in versions}) == len(versions) == ROUNDS + 1
    assert [version["current_version"] for version in versions] == [True] + [False] * ROUNDS


def test_of_sixteen_creates_of_one_name_one_wins(live, sixteen):
    answers = sixteen.run(create, live.url, live.token("org_race"), "org_race", "one name")

    assert sorted(status for status, _ in answers) == [201] + [409] * 15


def test_of_sixteen_first_uses_of_a_context_all_share_one_kek(live, sixteen):
    answers = sixteen.run(create, live.url, live.token("org_first"), "org_first", "name {index}")

    assert [status for status, _ in answers] == [201] * 16
    assert len({body["key_id"] for _, body in answers}) == 1
