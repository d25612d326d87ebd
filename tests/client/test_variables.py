"""Secrets as variables: one name for each, and none that decides what a program runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.client.failures import VariablesRefused
from sealring.client.variables import variable_of, with_secrets


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("db-password", "DB_PASSWORD"),
        ("db.password", "DB_PASSWORD"),
        ("prod/db password", "PROD_DB_PASSWORD"),
        ("DB_PASSWORD", "DB_PASSWORD"),
        ("_private", "_PRIVATE"),
        ("key2", "KEY2"),
        ("git-token", "GIT_TOKEN"),
        ("npm-token", "NPM_TOKEN"),
        ("mandrill-api-key", "MANDRILL_API_KEY"),
        ("path-prefix", "PATH_PREFIX"),
    ],
)
def test_a_name_is_a_variable(name, variable):
    assert variable_of(name) == variable


@pytest.mark.parametrize(
    "name", ["2fa", "p\u00e4ss", "\U0001f511", "a=b", "a%b", "\u017ftra\u00dfe", "a\u2028", "a\\b", "a$b", "1"]
)
def test_another_name_is_refused(name):
    with pytest.raises(VariablesRefused, match="is no name of a variable"):
        variable_of(name)


@pytest.mark.parametrize(
    "name",
    [
        "ld-preload", "LD_LIBRARY_PATH", "ld.audit", "dyld-insert-libraries", "path", "home", "ifs", "env", "bash-env",
        "pythonpath", "pythonstartup", "perl5opt", "rubyopt", "node-options", "java-tool-options", "jdk/java/options",
        "git-ssh-command", "git-config-count", "https-proxy", "all proxy", "ssl-cert-file", "sslkeylogfile", "openssl-conf",
        "glibc-tunables", "dotnet-startup-hooks", "kubeconfig", "editor", "npm-config-registry", "sealring-url",
    ],
)  # fmt: skip
def test_a_variable_that_decides_what_runs_is_refused(name):
    with pytest.raises(VariablesRefused, match="which decides what programs load, run or trust"):
        variable_of(name)


@given(st.text(min_size=1))
def test_every_variable_is_one_for_a_shell(name):
    try:
        variable = variable_of(name)
    except VariablesRefused:
        return
    assert variable.isascii()
    assert variable.isidentifier()
    assert variable == variable.upper()


def test_secrets_are_added_as_they_are():
    made = with_secrets({b"HOME": b"/root"}, [("a", '{"b": 1}'), ("c", "two\nlines\n"), ("d", "")])

    assert made == {b"HOME": b"/root", b"A": b'{"b": 1}', b"C": b"two\nlines\n", b"D": b""}


def test_two_secrets_of_one_variable_are_refused():
    with pytest.raises(VariablesRefused, match="two secrets would be DB_PASSWORD"):
        with_secrets({}, [("db-password", "a"), ("db.password", "a")])


def test_a_variable_that_is_set_is_not_replaced():
    with pytest.raises(VariablesRefused, match="TOKEN is set already"):
        with_secrets({b"TOKEN": b"mine"}, [("token", "another")])

    assert with_secrets({b"TOKEN": b"same"}, [("token", "same")]) == {b"TOKEN": b"same"}


def test_a_value_with_a_nul_is_refused_without_being_quoted():
    with pytest.raises(VariablesRefused, match=r"^the value for TOKEN has a NUL in it") as refused:
        with_secrets({}, [("token", "secret\0part")])

    assert "secret" not in str(refused.value)
