"""`sealring token-key` and `sealring token inspect`, as the operator runs them."""

import json
import re
import time

import jwt
import pytest
from click.testing import CliRunner

from auth.kit import claims, ec_key, sign
from revocations.commands import new_installation, run
from sealring import settings
from sealring.auth.tokens import BearerToken
from sealring.cli.main import main
from sealring.cli.tokens import token_commands
from sealring.operator import token_inspection
from sealring.operator.token_inspection import in_words

NOW = 1_800_000_000


@pytest.fixture
def path(valkey_of_ours, tmp_path):
    """The settings of a new installation."""
    return new_installation(tmp_path, valkey_of_ours, 1)


def minted(path):
    return run(
        path, "token", "--subject", "billing", "--org", "org_acme", "--permission", "vault:objects:read"
    ).stdout.strip()


def inspected(path, token, *options):
    file = path.with_name("a-token")
    file.write_text(token)
    return run(path, "token", "inspect", str(file), *options)


def without(text, token):
    """The output, once it is sure that nothing of the token but header and claims is in it."""
    assert not any(part in text for part in token.split("."))
    return text


def test_tokens_of_before_and_after_a_rotation_are_good(path):
    before = minted(path)

    said = run(path, "token-key", "rotate").stdout

    after = minted(path)
    assert re.fullmatch(
        r"\S+ signs from now on\n\S+ verifies until 20\d\d-\S+; then run `sealring token-key prune`\n", said
    )
    kids = [jwt.get_unverified_header(each)["kid"] for each in (before, after)]
    assert len(set(kids)) == 2
    for token in (before, after):
        assert "verifies  yes\n" in inspected(path, token).stdout
    assert run(path, "token-key", "prune").stdout.startswith(f"{kids[0]} verifies until 20")
    assert run(path, "token-key", "prune", "--all").stdout == f"removed {kids[0]}\n"
    assert "verifies  no: kid\n" in inspected(path, before).stdout


def test_an_issuer_without_a_file_of_keys_has_no_key_to_rotate(path):
    text = path.read_text().replace('jwks_file = "token-jwks.json"', 'jwks_url = "https://auth.example.com/jwks"')
    path.write_text(text)

    failed = run(path, "token-key", "rotate")

    assert failed.exit_code == 1
    assert "jwks_file is missing" in failed.stderr


# --- inspecting


def test_a_good_token_is_told_without_itself(path):
    token = minted(path)

    found = inspected(path, token)

    assert found.exit_code == 0
    head, _, body = without(found.stdout, token).partition("{")
    assert re.fullmatch(
        r"issuer    in the settings\nverifies  yes\nrevoked   no\n"
        r"issued    20\S+, (\d+ seconds?|1 minute) ago\nexpires   20\S+, in 89 days\n"
        r"acts in   environment_\w+\nfor       org_acme\nmay       vault:objects:read\n",
        head,
    )
    shown = json.loads("{" + body)
    assert shown["claims"] == jwt.decode(token, options={"verify_signature": False})
    assert shown["header"]["alg"] == "ES256"


def test_a_token_is_read_from_standard_input_and_from_a_header_too(path):
    token = minted(path)

    command = ["token", "inspect", "--config", str(path)]
    assert "verifies  yes\n" in CliRunner().invoke(main, command, input=token).stdout
    assert "verifies  yes\n" in inspected(path, f"Bearer {token}\n").stdout


def test_a_caller_without_settings_sees_the_claims_and_that_nothing_is_verified(path, monkeypatch, tmp_path):
    token = minted(path)
    monkeypatch.delenv("SEALRING_CONFIG", raising=False)
    option = next(each for each in token_commands.commands["inspect"].params if each.name == "path")
    monkeypatch.setattr(option, "default", tmp_path / "none.toml")

    found = CliRunner().invoke(main, ["token", "inspect"], input=token)

    assert found.exit_code == 1
    head, _, body = without(found.output, token).partition("{")
    assert re.fullmatch(
        rf"verifies  not verified: {tmp_path}/none.toml cannot be read\n"
        r"issued    20\S+, (\d+ seconds?|1 minute) ago\nexpires   20\S+, in 89 days\n",
        head,
    )
    assert json.loads("{" + body)["claims"] == jwt.decode(token, options={"verify_signature": False})


def test_settings_that_are_named_must_be_there(path):
    failed = inspected(path, minted(path), "--config", "/nonexistent/settings")

    assert failed.exit_code == 1
    assert failed.output.startswith("Error: /nonexistent/settings cannot be read (No such file or directory)")


@pytest.mark.parametrize(("lifetime", "seconds"), [("15m", 900), ("12h", 43_200), ("30d", 2_592_000)])
def test_a_token_lives_as_long_as_is_said(path, lifetime, seconds):
    minted = run(path, "token", "--subject", "billing", "--org", "org_acme", "--lifetime", lifetime).stdout.strip()

    claims = jwt.decode(minted, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize(
    "options", [("0m",), ("m",), ("15",), ("15s",), ("-1h",), ("1\u0661m",), ("1h", "--days", "1")]
)
def test_a_lifetime_that_is_none_is_refused(path, options):
    failed = run(path, "token", "--subject", "billing", "--org", "org_acme", "--lifetime", *options)

    assert (failed.exit_code, failed.stdout) == (2, "")


def test_a_revoked_token_is_said_to_be(path):
    token = minted(path)
    run(path, "token", "revoke", "--id", jwt.decode(token, options={"verify_signature": False})["jti"])

    found = inspected(path, token)

    assert found.exit_code == 1
    assert "verifies  yes\nrevoked   yes\n" in found.stdout


def test_a_store_that_is_away_leaves_the_revocation_open(path):
    token = minted(path)
    path.with_name("store-url").write_text("redis://127.0.0.1:1")

    found = inspected(path, token)

    assert found.exit_code == 0
    assert "verifies  yes\nrevoked   not known: The store does not answer. Try again later. (Error 111" in found.stdout


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"iss": "https://nobody.example.com"},
            "issuer    not in the settings\nverifies  no: the settings have no profile",
        ),
        ({"exp": NOW - 3_600, "iat": NOW - 7_200}, "verifies  no: "),
        ({"exp": "soon"}, "expires   no time\n"),
    ],
)
def test_a_token_that_is_refused_is_told_with_its_claims(path, members, said):
    token = sign(claims(**({"iss": "urn:sealring:local"} | members)), key=ec_key(7))

    found = inspected(path, token)

    assert found.exit_code == 1
    assert said in without(found.stdout, token)
    assert "revoked" not in found.stdout


def test_a_claim_moves_no_cursor(path):
    token = sign(claims(iss="urn:sealring:local", name="\x1b[2J\u009b2J\u202e"))

    assert inspected(path, token).stdout.isascii()


@pytest.mark.parametrize("text", ["", "sk_live_sesame", "a.b", "\xe9.b.c", "x" * 100_000])
def test_what_is_no_token_is_not_repeated(path, text):
    failed = inspected(path, text)

    assert failed.exit_code == 1
    assert re.fullmatch(r"Error: the token cannot be read \((form|header|payload)\)\n", failed.stderr)
    assert failed.stdout == ""


def test_a_file_that_is_missing_is_said(path):
    failed = run(path, "token", "inspect", "/nonexistent/token")

    assert (failed.exit_code, failed.stderr) == (
        1,
        "Error: /nonexistent/token cannot be read (No such file or directory)\n",
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (NOW + 90 * 86_400, "2027-04-15T08:00:00Z, in 90 days"),
        (NOW + 86_400, "2027-01-16T08:00:00Z, in 1 day"),
        (NOW + 86_399, "2027-01-16T07:59:59Z, in 23 hours"),
        (NOW + 61.5, "2027-01-15T08:01:01Z, in 1 minute"),
        (NOW, "2027-01-15T08:00:00Z, 0 seconds ago"),
        (NOW - 3_600, "2027-01-15T07:00:00Z, 1 hour ago"),
        (True, "no time"),
        ("1800000000", "no time"),
        (None, "no time"),
        (10**30, "no time"),
        (float("inf"), "no time"),
        (-(10**15), "no time"),
    ],
)
def test_a_time_is_said_in_words(seconds, said):
    assert in_words(seconds, NOW) == said


def test_the_clock_of_the_machine_is_the_default(path):
    found = token_inspection.inspect(settings.load(path), BearerToken(minted(path)))

    assert token_inspection.lines(found)[3] == token_inspection.lines(found, time.time())[3]
