"""The file of root keys is read as it is written, closed to others, and never replaced."""

import hashlib

import pytest

from sealring_local import spec
from sealring_local.roots import Roots, create_roots, read_roots
from sealring_local.wrap import LocalProvider
from sealring_plugin import DATA, KEEP, ConfigInvalid, RootName

ROOTS = Roots({RootName(DATA, 1): bytes(32), RootName(KEEP, 1): bytes(range(32))})
HEADING = "sealring local roots 1"
A_ROOT = "0123456789abcdef" * 4


@pytest.fixture
def provider():
    return LocalProvider(ROOTS)


def with_digest(*lines):
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}sha256 {hashlib.sha256(text.encode()).hexdigest()}\n"


WHOLE = with_digest(HEADING, f"data 1 {A_ROOT}", f"keep 1 {A_ROOT[::-1]}")

REFUSED = {
    "nothing": "",
    "a root of an older version": "x" * 32,
    "another heading": with_digest("sealring local roots 2", f"data 1 {A_ROOT}"),
    "no root": with_digest(HEADING),
    "no digest": WHOLE[: WHOLE.index("sha256")],
    "cut off after a line": WHOLE[: WHOLE.index("keep")] + WHOLE[WHOLE.index("sha256") :],
    "cut off in a line": WHOLE[:-1],
    "an empty line": with_digest(HEADING, "", f"data 1 {A_ROOT}"),
    "more after the end": f"{WHOLE}\n",
    "carriage returns": WHOLE.replace("\n", "\r\n"),
    "capitals": with_digest(HEADING, f"data 1 {A_ROOT.upper()}"),
    "a root too short": with_digest(HEADING, f"data 1 {A_ROOT[:-2]}"),
    "a root too long": with_digest(HEADING, f"data 1 {A_ROOT}00"),
    "epoch 0": with_digest(HEADING, f"data 0 {A_ROOT}"),
    "an epoch with a zero before": with_digest(HEADING, f"data 01 {A_ROOT}"),
    "a root twice": with_digest(HEADING, f"data 1 {A_ROOT}", f"data 1 {A_ROOT}"),
    "roots out of order": with_digest(HEADING, f"data 2 {A_ROOT}", f"data 1 {A_ROOT}"),
    "domains out of order": with_digest(HEADING, f"keep 1 {A_ROOT}", f"data 1 {A_ROOT}"),
    "a domain that is none": with_digest(HEADING, f"Data 1 {A_ROOT}"),
}


def test_roots_are_read_as_they_are_written():
    roots = Roots.parse(WHOLE)

    assert roots.encode() == WHOLE
    assert roots.keys == {
        RootName(DATA, 1): bytes.fromhex(A_ROOT),
        RootName(KEEP, 1): bytes.fromhex(A_ROOT[::-1]),
    }


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_file_of_roots_is_refused(tmp_path, text):
    (tmp_path / "root.key").write_text(text, newline="")
    (tmp_path / "root.key").chmod(0o600)

    with pytest.raises(ConfigInvalid, match="is damaged or of another version; restore"):
        read_roots(tmp_path / "root.key")


def test_each_changed_character_of_a_file_is_noticed(tmp_path):
    for at, character in enumerate(WHOLE):
        changed = WHOLE[:at] + ("0" if character != "0" else "1") + WHOLE[at + 1 :]
        with pytest.raises(ValueError):
            Roots.parse(changed)


def test_roots_are_made_for_their_owner_only(tmp_path):
    create_roots(tmp_path / "root.key")

    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert list(read_roots(tmp_path / "root.key").keys) == [RootName(DATA, 1), RootName(KEEP, 1)]


def test_no_two_roots_are_the_same(tmp_path):
    made = [key for name in ("one", "two") for key in _made(tmp_path / name).keys.values()]

    assert len(set(made)) == 4
    assert {len(key) for key in made} == {32}


def _made(path):
    create_roots(path)
    return read_roots(path)


def test_a_root_is_never_replaced(tmp_path):
    before = _made(tmp_path / "root.key")

    with pytest.raises(ConfigInvalid, match="never replaced"):
        create_roots(tmp_path / "root.key")

    assert read_roots(tmp_path / "root.key") == before


def test_roots_are_not_shown(provider):
    assert A_ROOT not in repr(Roots.parse(WHOLE))
    assert "key" not in repr(provider)


def test_a_missing_file_is_not_made(tmp_path):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        spec.build({"root_key_file": tmp_path / "root.key"})

    assert not (tmp_path / "root.key").exists()


def test_a_file_that_others_can_read_is_refused(tmp_path):
    create_roots(tmp_path / "root.key")
    (tmp_path / "root.key").chmod(0o644)

    with pytest.raises(ConfigInvalid, match="chmod 600"):
        read_roots(tmp_path / "root.key")


def test_initialising_again_keeps_the_roots(tmp_path):
    config = spec.SPEC.parse_config({"root_key_file": "root.key"}, tmp_path)
    spec.SPEC.initialise(config)
    before = read_roots(tmp_path / "root.key")

    assert "kept" in spec.SPEC.initialise(config)
    assert read_roots(tmp_path / "root.key") == before


def test_initialising_keeps_no_root_that_cannot_be_used(tmp_path):
    config = spec.SPEC.parse_config({"root_key_file": "root.key"}, tmp_path)
    (tmp_path / "root.key").write_bytes(bytes(31))
    (tmp_path / "root.key").chmod(0o600)

    with pytest.raises(ConfigInvalid):
        spec.SPEC.initialise(config)
