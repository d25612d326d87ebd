"""The Valkey of the chart keeps what it acknowledges, and lets in only the users of the Secret."""

import re
import subprocess
from contextlib import closing

import pytest
import redis

from chart.rendering import ROOT, case, one, render
from docs.markdown import blocks
from sealring.operator.embedded import find_binary
from sealring.store.connection.durability import DurabilityPolicy, require_durability
from sealring.store.connection.links import Links
from sealring.store.doctor.diagnosis import Grade
from sealring.store.doctor.examination import examine
from support.ports import free_port
from support.waiting import becomes_true

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()


def conf(**changes):
    return one(render(case("valkey", **changes)), "ConfigMap", "sealring-valkey")["data"]["valkey.conf"]


@pytest.fixture
def url(tmp_path):
    """A Valkey with the configuration of the chart and the users of the guide, without TLS, which the tests' Valkey lacks."""
    (users,) = (
        line for block in blocks(PAGE, "sh") for line in block.splitlines() if line.startswith("user sealring ")
    )
    (tmp_path / "users.acl").write_text(f"user default off\n{users.replace('$PASSWORD', 'a-long-password')}\n")
    port = free_port()
    text = conf(valkey__tls=False).replace("port 6379", f"port {port}\nbind 127.0.0.1")
    text = text.replace("/secrets/users", str(tmp_path)).replace("dir /data", f"dir {tmp_path}")
    (tmp_path / "valkey.conf").write_text(text)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([find_binary(), tmp_path / "valkey.conf"], stdout=log, stderr=subprocess.STDOUT)
    url = f"redis://sealring:a-long-password@127.0.0.1:{port}/0"
    try:
        assert becomes_true(lambda: answers(url)), (tmp_path / "log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url):
    try:
        with redis.Redis.from_url(url) as client:
            return client.ping()
    except redis.RedisError:
        return False


def test_an_acknowledged_write_survives_a_loss_of_power(url):
    links = Links.to(url)

    assert require_durability(links, DurabilityPolicy()).value == "single"

    links.close()


def test_the_user_of_the_guide_may_do_what_the_doctor_does(url):
    with closing(Links.to(url)) as links:
        found = dict(examine(links, destructive=False))

    assert [check for check, finding in found.items() if finding.grade is Grade.FAILED] == []


def test_nobody_gets_in_without_a_password(url):
    with redis.Redis.from_url(re.sub("//.*@", "//", url)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_with_tls_no_port_is_open_without_it():
    assert re.findall(r"^(?:tls-)?port .*$", conf(), re.MULTILINE) == ["port 0", "tls-port 6379"]


def test_valkey_has_less_memory_than_its_limit_kills_it_for():
    limit = one(render(case("valkey")), "StatefulSet", "sealring-valkey")["spec"]["template"]["spec"]["containers"][0]

    assert limit["resources"]["limits"]["memory"] == "2Gi"
    assert "maxmemory 1536mb" in conf()
