"""The settings file is read strictly, and every refusal is one line that names the place."""

import pytest

from sealring import settings
from sealring.admission.limits import Rates
from sealring.domain.limits import Limits
from sealring.errors import SettingsInvalid
from sealring.keys.routing import ManagedKeks
from sealring.observability.settings import Bind, Observability, Traces
from sealring.settings import Fairness, WorkerKind
from sealring.store.connection.durability import DurabilityPolicy
from support.settings_text import GOOD


@pytest.fixture
def load(tmp_path):
    def from_text(text):
        path = tmp_path / "sealring.toml"
        path.write_text(text)
        return settings.load(path)

    return from_text


@pytest.mark.parametrize(("worker", "percent"), [("loop", 75), ("threads", 100)])
def test_one_organization_may_take_as_much_of_a_worker_as_suits_its_kind(load, worker, percent):
    loaded = load(f'{GOOD}[server]\nworker = "{worker}"\n')

    assert (loaded.worker.value, loaded.fairness.concurrency_percent) == (worker, percent)


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:9420", Bind("127.0.0.1", 9420)),
        ("[::1]:9420", Bind("::1", 9420)),
        ("localhost:65535", Bind("localhost", 65535)),
    ],
)
def test_metrics_are_told_at_an_address_and_a_port(load, text, bind):
    assert load(f'{GOOD}[server]\nmetrics_bind = "{text}"\n').observability.metrics_bind == bind


@pytest.mark.parametrize(
    "text",
    [
        "9420",
        ":9420",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:9420",
        "[::1]",
        "unix:/x",
        "a b:1",
        "http://x:1",
    ],
)
def test_metrics_are_told_nowhere_else(load, text):
    with pytest.raises(SettingsInvalid, match=r"^\[server\] metrics_bind must be an address and a port, such as "):
        load(f'{GOOD}[server]\nmetrics_bind = "{text}"\n')


def test_without_its_settings_nothing_is_told_of_requests(load):
    assert load(GOOD).observability == Observability(metrics_bind=None, access=False, slow_ms=0, traces=None)


def test_what_is_told_of_requests_is_a_matter_of_settings(load):
    more = '[logs]\naccess = true\nslow_ms = 250\n[traces]\nendpoint = "https://collector:4318/v1/traces"\nsample_percent = 10\n'

    found = load(GOOD + more).observability

    assert (found.access, found.slow_ms) == (True, 250)
    assert found.traces == Traces("https://collector:4318/v1/traces", 10)


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "ftp://x/",
        "http://",
        "http://user:secret@x/",
        "http://@x/",
        "http://x/?key=secret",
        "http://[::1/",
    ],
)
def test_traces_go_to_a_plain_url(load, endpoint):
    with pytest.raises(
        SettingsInvalid, match=r"^\[traces\] endpoint must be a URL without a user and a query"
    ) as refused:
        load(f'{GOOD}[traces]\nendpoint = "{endpoint}"\n')

    assert "secret" not in str(refused.value)


def test_defaults_are_filled_in(load):
    loaded = load(GOOD)

    assert loaded.limits.max_value_bytes == 1_048_576
    assert loaded.limits.retention_s == 30 * 86_400
    assert loaded.fairness == Fairness(Rates(), Limits(), 75)
    assert loaded.worker is WorkerKind.LOOP
    assert loaded.managed.per is ManagedKeks.COMBINATION
    assert loaded.local_issuer is None
    assert loaded.durability == DurabilityPolicy(accept_data_loss=False, declared_durable=False, wait_replicas=0)


def test_what_is_said_is_taken(load):
    loaded = load(
        GOOD.replace('managed = "local"', 'managed = "local"\nmanaged_keks = "items"')
        + "[limits]\nmax_value_bytes = 10\ndeleted_retention_days = 1\n"
    )
    durable = load(
        GOOD.replace("[store]", "[store]\naccept_data_loss = true\ndeclared_durable = true\nwait_replicas = 5")
    )

    assert loaded.managed.per is ManagedKeks.ITEMS
    assert loaded.limits.max_value_bytes == 10
    assert loaded.limits.retention_s == 86_400
    assert durable.durability == DurabilityPolicy(accept_data_loss=True, declared_durable=True, wait_replicas=5)


def test_each_limit_of_an_organization_is_taken_for_what_it_is(load):
    said = (
        "subject_requests_per_second = 1",
        "organization_requests_per_second = 2",
        "environment_requests_per_second = 3",
        "organization_concurrency_percent = 4",
        "organization_objects = 5",
        "organization_bytes = 6",
        "organization_contexts = 7",
    )

    loaded = load("\n".join((GOOD, "[limits]", *said)))

    assert loaded.fairness == Fairness(
        Rates(subject=1, environment=3),
        Limits(requests_per_second=2, objects=5, stored_bytes=6, contexts=7),
        concurrency_percent=4,
    )


def test_the_store_url_may_stand_in_a_file(load, tmp_path):
    (tmp_path / "url").touch(0o600)
    (tmp_path / "url").write_text("redis://elsewhere\n")

    assert (
        load(GOOD.replace('url = "redis://:hunter2@store:6379/0"', 'url_file = "url"')).store_url == "redis://elsewhere"
    )


def test_secrets_are_not_shown(load):
    assert "hunter2" not in repr(load(GOOD))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "[store]",
            "[stores]",
            r"\[stores\] is not a setting; known are: store, keys, seal, plugins, issuers, token, limits",
        ),
        ("[store]", "[store]\ntls = true", r"\[store\] tls is not a setting"),
        ('url = "redis://:hunter2@store:6379/0"', "", r"\[store\] url is missing or not a text"),
        ('url = "redis://:hunter2@store:6379/0"', "url = 1", r"\[store\] url is missing or not a text"),
        ('url = "redis', 'url_file = "x"\nurl = "redis', r"\[store\] url and url_file are both there"),
        ('url = "redis://:hunter2@store:6379/0"', 'url_file = "x"', r"\[store\] url_file /.*/x cannot be read"),
        ("[store]", "[store]\naccept_data_loss = 1", r"\[store\] accept_data_loss must be true or false"),
        ("[store]", '[store]\ndeclared_durable = "yes"', r"\[store\] declared_durable must be true or false"),
        ("[store]", "[store]\nwait_replicas = -1", r"\[store\] wait_replicas must be a whole number from 0 to 5"),
        ("[store]", "[store]\nwait_replicas = 6", r"\[store\] wait_replicas must be a whole number from 0 to 5"),
        ("[store]", "[store]\nwait_replicas = true", r"\[store\] wait_replicas must be a whole number from 0 to 5"),
        ("[keys]\nmanaged", "[keys]\nmanager", r"\[keys\] manager is not a setting"),
        ('managed = "local"', 'managed = "hsm"', r"\[keys\] names 'hsm', but there is no \[plugins.hsm\]"),
        (
            'managed = "local"',
            'managed = "local"\nmanaged_keks = "each"',
            "managed_keks must be 'combination' or 'items'",
        ),
        (
            "[plugins.local]\nroot_key_file",
            "[[plugins.local]]\nroot_key_file",
            r"\[plugins\] local is missing or not a table",
        ),
        ("[[issuers]]", "[issuers]", r"\[issuers\] must be there at least once"),
        ('algorithms = ["RS256"]', 'algorithms = ["none"]', "issuer 'https://issuer.example': algorithms"),
        (
            "[store]",
            '[token]\nsigning_key_file = "k"\nissuer = "urn:x"\n[store]',
            r"\[token\] issuer 'urn:x' has no profile",
        ),
        (
            "[store]",
            "[limits]\nmax_value_bytes = 0\n[store]",
            r"\[limits\] max_value_bytes must be a whole number from 1 to",
        ),
        (
            "[store]",
            "[limits]\nmax_value_bytes = 99999999\n[store]",
            r"\[limits\] max_value_bytes must be a whole number from 1 to",
        ),
        (
            "[store]",
            "[limits]\nmax_value_bytes = true\n[store]",
            r"\[limits\] max_value_bytes must be a whole number from 1 to",
        ),
        (
            "[store]",
            "[limits]\norganization_requests_per_second = -1\n[store]",
            r"\[limits\] organization_requests_per_second must be a whole number from 0 to 1000000",
        ),
        (
            "[store]",
            "[limits]\norganization_bytes = 9007199254740992\n[store]",
            r"\[limits\] organization_bytes must be a whole number from 0 to 9007199254740991",
        ),
        (
            "[store]",
            "[limits]\norganization_concurrency_percent = 0\n[store]",
            r"\[limits\] organization_concurrency_percent must be a whole number from 1 to 100",
        ),
        ("[store]", '[server]\nworker = "gevent"\n[store]', r"\[server\] worker must be 'loop' or 'threads'"),
        ("[store]", "[server]\nworker = 1\n[store]", r"\[server\] worker must be 'loop' or 'threads'"),
        ("[store]", "[store", "is not valid TOML .at line"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(load, old, new, says):
    assert old in GOOD

    with pytest.raises(SettingsInvalid, match=says) as refused:
        load(GOOD.replace(old, new, 1))

    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_one_issuer_has_one_profile(load):
    profile = GOOD[GOOD.index("[[issuers]]") :]

    with pytest.raises(SettingsInvalid, match="the same issuer twice"):
        load(GOOD + profile)


def test_tables_deeper_than_can_be_read_are_refused(load):
    with pytest.raises(SettingsInvalid, match="is not valid TOML: it is nested too deeply$"):
        load(f"a = {'[' * 3000}{']' * 3000}\n{GOOD}")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (r"\[server\] run_folder", '[server]\nrun_folder = "a\\u0000"'),
        (r"\[server\.a\] b", '[server.a]\nb = ["c", "\\u0000"]'),
        (r"\[a\]", 'a = "\\u0000"'),
    ],
)
def test_a_nul_in_a_text_is_refused(load, where, text):
    with pytest.raises(SettingsInvalid, match=f"^{where} has a NUL in it$"):
        load(f"{text}\n{GOOD}" if text.startswith("a") else f"{GOOD}\n{text}")


def test_a_profile_is_found_by_its_issuer(load):
    loaded = load(GOOD)

    assert loaded.profile_of("https://issuer.example") is loaded.issuers[0]
    with pytest.raises(SettingsInvalid, match="no profile"):
        loaded.profile_of("https://issuer.example/")
