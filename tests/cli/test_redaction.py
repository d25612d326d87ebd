"""A token that stands where something else is meant is not repeated by the command."""

import pytest
from click.testing import CliRunner

from auth.kit import ec_key, sign
from sealring.cli.main import main
from sealring.cli.redaction import without_tokens
from sealring.operator import installation

TOKEN = sign(key=ec_key(1), kid="k1")
SIGNATURE = TOKEN.rpartition(".")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "inspect", "-", TOKEN],
        ["token", "inspect", "--config", TOKEN],
        ["token", "inspect", f"--{TOKEN}"],
        ["token", TOKEN],
        ["token", "--days", TOKEN],
        ["token", "--permission", TOKEN],
        ["token", "--subject", "billing", "--org", TOKEN],
        ["token", "revoke", "--issued-before", TOKEN],
        ["token", "revoke", "--id", TOKEN, "--config", "/nonexistent", TOKEN],
        ["local", TOKEN],
        ["check-config", "--config", f"/tmp/{TOKEN}"],
        [TOKEN],
        [f"Bearer {TOKEN}"],
        [f"--{TOKEN}"],
    ],
)
def test_no_command_repeats_a_token(arguments):
    failed = CliRunner().invoke(main, arguments)

    assert failed.exit_code in {1, 2}
    assert "Error: " in failed.output
    for part in (SIGNATURE, *TOKEN.split("."), SIGNATURE[:20]):
        assert part not in failed.output


@pytest.mark.parametrize("file", [TOKEN, f"Bearer {TOKEN}"])
def test_a_token_that_is_given_for_its_file_is_not_repeated(tmp_path, file):
    list(installation.create_files(tmp_path, "redis://127.0.0.1:1/0", "local"))
    settings = str(tmp_path / installation.SETTINGS_FILE)

    failed = CliRunner().invoke(main, ["token", "inspect", "--config", settings, file])

    assert failed.exit_code == 1
    assert failed.output.endswith("Error: [a token] cannot be read (File name too long)\n") or failed.output.endswith(
        "Error: [a token] cannot be read (No such file or directory)\n"
    )


def test_a_token_where_a_file_is_meant_is_named_as_one():
    failed = CliRunner().invoke(main, ["token", TOKEN])

    assert failed.exit_code == 2
    assert failed.output.splitlines()[-1] == "Error: No such command '[a token]'."


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {'x' * 9}",
        f"Bearer <token>{'x' * 9}",
        f"bearer\t{TOKEN}",
        f"a.b.{SIGNATURE}",
        TOKEN,
        f"n{TOKEN}",
        TOKEN[:60],
    ],
)
def test_what_looks_like_a_token_is_left_out(text):
    assert without_tokens(f"File '{text}' is none.").endswith("[a token]' is none.")


@pytest.mark.parametrize(
    "text",
    [
        "Missing option '--subject'.",
        "/etc/sealring/sealring.toml cannot be read (No such file or directory)",
        "rediss://sealring-prod.abc123.0001.euw1.cache.amazonaws.com:6379 does not answer",
        "layout.1.2.toml and 127.0.0.1:8420",
        "Send a valid token in the Authorization header as 'Bearer <token>'.",
    ],
)
def test_what_is_no_token_stays(text):
    assert without_tokens(text) == text


def test_a_long_word_is_read_in_linear_time():
    assert without_tokens("a" * 200_000 + ".a" * 100_000).startswith("aaa")
