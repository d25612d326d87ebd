"""A file with a secret is read only if nobody else can."""

import os
import stat
import struct
import sys
import warnings
from pathlib import Path

import pytest

from sealring_plugin import ConfigInvalid, read_private, read_shared
from sealring_plugin.access_lists import lets_in_alone
from sealring_plugin.files import is_open

US, ROOT, SOMEBODY = 1000, 0, 1001
OURS, THEIRS = {1000, 2000}, 3000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"hunter2\n")
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_its_owners_alone_is_read(file, mode):
    file.chmod(mode)

    assert read_private(file, "pin_file") == b"hunter2\n"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o666, 0o777, 0o440, 0o444])
def test_a_file_that_is_open_to_others_is_refused_with_the_mend(file, mode):
    file.chmod(mode)
    _is_a_users(file)

    with pytest.raises(ConfigInvalid, match=f"^pin_file {file} is open to others; run: chmod 600 {file}$"):
        read_private(file, "pin_file")


def _is_a_users(file):
    """What root owns has a rule of its own, below."""
    if os.geteuid() == ROOT:
        os.chown(file, SOMEBODY, THEIRS)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444])
def test_a_shared_file_may_be_open_to_others(file, mode):
    file.chmod(mode)

    assert read_shared(file, "assertion_file") == b"hunter2\n"


@pytest.mark.parametrize("read", [read_private, read_shared])
def test_a_file_that_is_missing_is_said(tmp_path, read):
    with pytest.raises(ConfigInvalid, match=r"^pin_file /.*/missing cannot be read \(No such file or directory\)$"):
        read(tmp_path / "missing", "pin_file")


@pytest.mark.parametrize("read", [read_private, read_shared])
def test_a_path_that_is_none_is_said(tmp_path, read):
    with pytest.raises(ConfigInvalid, match=r"cannot be read \(no path\)$"):
        read(tmp_path / "a\0b", "pin_file")


@pytest.mark.parametrize("read", [read_private, read_shared])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, read, make):
    make(tmp_path / "thing", 0o600)

    with pytest.raises(ConfigInvalid, match=r"cannot be read \(not a regular file\)$"):
        read(tmp_path / "thing", "pin_file")


@pytest.mark.parametrize("read", [read_private, read_shared])
def test_a_device_that_never_ends_is_refused(read):
    with pytest.raises(ConfigInvalid, match=r"cannot be read \(not a regular file\)$"):
        read("/dev/zero", "pin_file")


@pytest.mark.parametrize("read", [read_private, read_shared])
@pytest.mark.parametrize(("size", "taken"), [(65_536, True), (65_537, False)])
def test_a_file_has_no_more_than_64_kib(file, read, size, taken):
    file.write_bytes(bytes(size))

    if taken:
        assert len(read(file, "pin_file")) == size
    else:
        with pytest.raises(ConfigInvalid, match=r"is larger than 65536 bytes$"):
            read(file, "pin_file")


def test_a_link_is_followed_to_what_it_names(file, tmp_path):
    """As the files of a Kubernetes volume are links."""
    (tmp_path / "link").symlink_to(file)
    assert read_private(tmp_path / "link", "pin_file") == b"hunter2\n"
    file.chmod(0o644)

    with pytest.raises(ConfigInvalid, match="is open to others"):
        read_private(tmp_path / "link", "pin_file")


# --- whose group


@pytest.mark.parametrize(
    ("mode", "owner", "group", "reader", "open_to_others"),
    [
        (0o440, ROOT, 2000, US, False),  # a Kubernetes secret of a pod with fsGroup 2000
        (0o640, ROOT, 2000, US, False),  # and a service account's token of such a pod
        (0o400, ROOT, 2000, US, False),
        (0o440, ROOT, THEIRS, US, True),  # we could not read it; whoever can, is not us
        (0o440, SOMEBODY, 2000, US, True),  # the group of a file of a user's is their friends
        (0o440, US, 2000, US, True),
        (0o640, US, 1000, US, True),  # with a umask of 027: the owner can mend it
        (0o460, ROOT, 2000, US, True),
        (0o450, ROOT, 2000, US, True),
        (0o444, ROOT, 2000, US, True),
        (0o441, ROOT, 2000, US, True),
        (0o440, ROOT, 0, ROOT, False),  # a secret in a container that runs as root
        (0o440, ROOT, 2000, ROOT, True),
        (0o600, US, 1000, US, False),
        (0o600, ROOT, 0, ROOT, False),
    ],
)
def test_the_group_may_read_what_root_gave_to_us_by_it(mode, owner, group, reader, open_to_others):
    status = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, group, 7, 0, 0, 0))
    groups = {0} if reader == ROOT else OURS

    assert is_open(status, groups=groups) is open_to_others


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_process_reads_a_secret_that_kubernetes_mounts(file):
    os.chown(file, 0, 2000)
    file.chmod(0o440)
    file.parent.chmod(0o755)
    volume = file.parent / "volume"
    (volume / "..2026_11_30").mkdir(parents=True)
    os.link(file, volume / "..2026_11_30/secret")
    (volume / "..data").symlink_to("..2026_11_30")
    (volume / "secret").symlink_to("..data/secret")

    assert _exit_status_of_a_member_of(2000, volume / "secret") == 0
    assert _exit_status_of_a_member_of(3000, volume / "secret") == 1


# --- what systemd hands to a service: root's, with an entry in its access control list for the service's user


ANYBODY = 0xFFFFFFFF
OF_OWNER, OF_USER, OF_GROUP_OF_FILE, OF_GROUP, MASK, OF_OTHERS = 1, 2, 4, 8, 16, 32  # linux/posix_acl.h


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def credential(*users, group=0, others=0, named_groups=()):
    return acl(
        (OF_OWNER, 4, ANYBODY),
        *((OF_USER, 4, user) for user in users),
        (OF_GROUP_OF_FILE, group, ANYBODY),
        *((OF_GROUP, 4, each) for each in named_groups),
        (MASK, 4, ANYBODY),
        (OF_OTHERS, others, ANYBODY),
    )


@pytest.mark.parametrize(
    ("entries", "ours_alone"),
    [
        (credential(US), True),
        (credential(US, group=4), False),
        (credential(US, others=4), False),
        (credential(US, SOMEBODY), False),
        (credential(SOMEBODY), False),
        (credential(US, named_groups=[2000]), False),
        (credential(), False),
        (b"", False),
        (credential(US)[:-1], False),
        (b"\3" + credential(US)[1:], False),  # of a later version
    ],
)
def test_an_access_control_list_may_let_us_in_alone(entries, ours_alone):
    assert lets_in_alone(entries, US) is ours_alone


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can give a file away")
@pytest.mark.parametrize(("owner", "user", "read"), [(0, 1000, True), (0, 1001, False), (1001, 1000, False)])
def test_a_process_reads_a_credential_of_systemd(file, owner, user, read):
    file.chmod(0o400)
    os.chown(file, owner, 0)
    try:
        os.setxattr(file, "system.posix_acl_access", credential(user))
    except OSError:
        pytest.skip("this file system keeps no access control lists")
    file.parent.chmod(0o755)

    assert (_exit_status_of_a_member_of(3000, file) == 0) is read


def _exit_status_of_a_member_of(group, file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests are not used in the child
        child = os.fork()
    if child == 0:
        _exit_as_a_member_of(group, file)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _exit_as_a_member_of(group, file):
    read = b""
    try:
        os.chdir(file.parent)
        os.setgroups([group])
        os.setgid(1000)
        os.setuid(1000)
        read = read_private(Path(file.name), "pin_file")
    finally:
        os._exit(0 if read == b"hunter2\n" else 1)
