"""The scripts in the chart do what its jobs need, against a real server."""

import importlib.util
import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chart.rendering import CHART
from sealring.domain.principal import Permission
from support.commands import SEALRING
from support.tls import PrivateCa

NEEDED = frozenset({Permission.OBJECTS_CREATE, Permission.OBJECTS_READ, Permission.OBJECTS_DELETE})


def script(name):
    spec = importlib.util.spec_from_file_location(name, CHART / "files" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    module = script("smoke")
    monkeypatch.setattr(module, "TOKEN", tmp_path / "token")
    return module


def test_the_test_of_a_release_keeps_an_object_and_removes_it(live, smoke, tmp_path, capsys):
    (tmp_path / "token").write_text(live.token("org_helm_test") + "\n")

    smoke.main(live.url, "org_helm_test")

    assert capsys.readouterr().out.splitlines() == [
        "readiness: ready",
        "a stranger: unauthenticated",
        "what was stored: as it was sent",
        "what was deleted: not_found",
    ]


def test_the_test_of_a_release_needs_no_token(live, smoke, capsys):
    smoke.main(live.url, "org_helm_test")

    assert capsys.readouterr().out.splitlines() == ["readiness: ready", "a stranger: unauthenticated"]


def test_the_test_of_a_release_fails_for_a_token_of_another_organization(live, smoke, tmp_path):
    (tmp_path / "token").write_text(live.token("org_other"))

    with pytest.raises(SystemExit, match=r"what is stored: \w+: .*and the token test.organization"):
        smoke.main(live.url, "org_helm_test")


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("vault:objects:delete", "what nobody stored"),
        ("vault:objects:create", "what is stored"),
        ("vault:objects:read", "what was stored"),
    ],
)
def test_the_test_of_a_release_names_the_permissions_that_it_needs(live, smoke, tmp_path, lacking, said):
    given = NEEDED - {Permission(lacking)}
    (tmp_path / "token").write_text(live.token("org_helm_lacks", permissions=given))

    with pytest.raises(SystemExit, match=rf"{said}: forbidden: .*need vault:objects:create"):
        smoke.main(live.url, "org_helm_lacks")


def test_the_test_of_a_release_leaves_nothing_if_it_may_not_delete(live, smoke, tmp_path):
    given = NEEDED - {Permission.OBJECTS_DELETE} | {Permission.OBJECTS_LIST}
    token = live.token("org_helm_keeps", permissions=given)
    (tmp_path / "token").write_text(token)

    with pytest.raises(SystemExit, match="forbidden"):
        smoke.main(live.url, "org_helm_keeps")

    listed = smoke.ask(live.url, "GET", "/vault/v1/kv?organization_id=org_helm_keeps", token)
    assert listed["data"] == []


@pytest.fixture
def backup(live, monkeypatch):
    monkeypatch.setenv("SEALRING_CONFIG", str(live.folder / "sealring.toml"))
    monkeypatch.setenv("PATH", str(SEALRING.parent), prepend=":")
    return script("backup")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def older(folder, *days, suffixes=(".data", ".keys")):
    for day in days:
        for suffix in suffixes:
            (folder / f"sealring-202601{day}T000000Z{suffix}").touch()


def test_only_the_newest_backups_stay(backup, tmp_path):
    older(tmp_path, "01", "02", "03")

    assert backup.main(tmp_path, 2) == 0

    kept = names(tmp_path)
    assert kept[:2] == ["sealring-20260103T000000Z.data", "sealring-20260103T000000Z.keys"]
    assert len(kept) == 4
    assert all((tmp_path / name).stat().st_size > 0 for name in kept[2:])


def test_files_that_are_no_whole_backup_are_left_alone(backup, tmp_path):
    older(tmp_path, "01", suffixes=(".data",))
    (tmp_path / "notes").touch()

    backup.main(tmp_path, 1)

    assert {"notes", "sealring-20260101T000000Z.data"} < set(names(tmp_path))


def test_a_backup_that_fails_removes_nothing(backup, tmp_path, monkeypatch):
    monkeypatch.setenv("SEALRING_CONFIG", str(tmp_path / "missing.toml"))
    older(tmp_path, "01", "02")
    before = names(tmp_path)

    assert backup.main(tmp_path, 1) == 1

    assert names(tmp_path) == before


class Api(BaseHTTPRequestHandler):
    """An API server with one ConfigMap. `rival` is what another Job writes once this one has read."""

    def do_GET(self):
        self.answer()
        rival, self.server.rival = self.server.rival, {}
        self.server.kept = self.server.kept | rival
        self.server.version += bool(rival)

    def do_PATCH(self):
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if patch.get("metadata", {}).get("resourceVersion", self.version) != self.version:
            self.send(409, {"message": "the object has been modified"})
            return
        self.server.kept = self.server.kept | patch["data"]
        self.server.version += 1
        self.server.patches += 1
        self.answer()

    @property
    def version(self):
        return str(self.server.version)

    def answer(self):
        known = self.path == "/api/v1/namespaces/vault/configmaps/sealring-trust"
        if known and self.headers["Authorization"] == "Bearer a-token":
            data = {"data": self.server.kept} if self.server.kept else {}
            self.send(200, {"metadata": {"name": "sealring-trust", "resourceVersion": self.version}, **data})
        else:
            self.send(403, {"message": "it is forbidden"})

    def send(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def api(folder):
    ca = PrivateCa(folder)
    (folder / "ca.crt").write_bytes(ca.file.read_bytes())
    (folder / "token").write_text("a-token")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("api"))
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.kept, server.rival, server.patches, server.version = {}, {}, 0, 1
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def trust(tmp_path, monkeypatch):
    """The script with a folder of trust and an API server, which is `server`."""
    (tmp_path / "access").mkdir()
    (tmp_path / "trust").mkdir()
    with api(tmp_path / "access") as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        monkeypatch.setenv("TRUST_NAMESPACE", "vault")
        monkeypatch.setenv("TRUST_CONFIGMAP", "sealring-trust")
        monkeypatch.setenv("TRUST_FOLDER", str(tmp_path / "trust"))
        monkeypatch.setenv("TRUST_ACCESS", str(tmp_path / "access"))
        module = script("trust")
        module.server_of_the_test, module.folder = server, tmp_path / "trust"
        yield module


def made(folder, **files):
    for name, text in files.items():
        (folder / name.replace("_", "-")).write_text(text)


def test_a_new_pin_is_kept(trust):
    made(trust.folder, store_pin="a pin", store_layout="a layout")

    trust.main("keep")

    assert trust.server_of_the_test.kept == {"store-pin": "a pin", "store-layout": "a layout"}


def test_a_kept_pin_is_recalled_so_that_others_cannot_write_it(trust):
    trust.server_of_the_test.kept = {"store-pin": "a pin", "store-layout": "a layout", "others": "x"}

    trust.main("recall")

    assert {path.name: path.read_text() for path in trust.folder.iterdir()} == {
        "store-pin": "a pin",
        "store-layout": "a layout",
    }
    assert (trust.folder / "store-pin").stat().st_mode & 0o777 == 0o644


def test_what_an_interrupted_run_left_is_not_overwritten(trust):
    made(trust.folder, store_layout="of this run")
    trust.server_of_the_test.kept = {"store-layout": "kept"}

    trust.main("recall")

    assert (trust.folder / "store-layout").read_text() == "of this run"


def test_another_pin_is_never_replaced(trust):
    trust.server_of_the_test.kept = {"store-pin": "a pin", "store-layout": "a layout"}
    made(trust.folder, store_pin="another pin", store_layout="another layout")

    with pytest.raises(SystemExit, match="pins another store, and stays as it is"):
        trust.main("keep")

    assert trust.server_of_the_test.patches == 0


def test_of_two_jobs_that_saw_no_pin_one_keeps_its_own(trust):
    trust.server_of_the_test.rival = {"store-pin": "a pin", "store-layout": "a layout"}
    made(trust.folder, store_pin="another pin", store_layout="another layout")

    with pytest.raises(SystemExit, match="answers 409"):
        trust.main("keep")
    with pytest.raises(SystemExit, match="pins another store, and stays as it is"):  # when its container runs again
        trust.main("keep")

    assert trust.server_of_the_test.kept == {"store-pin": "a pin", "store-layout": "a layout"}


def test_a_layout_that_was_wrapped_again_is_kept(trust):
    trust.server_of_the_test.kept = {"store-pin": "a pin", "store-layout": "a layout"}
    made(trust.folder, store_pin="a pin", store_layout="wrapped again")

    trust.main("keep")

    assert trust.server_of_the_test.kept == {"store-pin": "a pin", "store-layout": "wrapped again"}


def test_what_is_kept_already_is_not_written(trust):
    trust.server_of_the_test.kept = {"store-pin": "a pin", "store-layout": "a layout"}
    made(trust.folder, store_pin="a pin", store_layout="a layout")

    trust.main("keep")

    assert trust.server_of_the_test.patches == 0


def test_a_refusal_of_the_api_server_is_said(trust, monkeypatch):
    monkeypatch.setenv("TRUST_CONFIGMAP", "another")

    with pytest.raises(SystemExit, match="answers 403 for ConfigMap another: it is forbidden"):
        trust.main("recall")


def test_an_api_server_with_another_certificate_gets_no_token(trust, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "access" / "ca.crt").write_bytes(PrivateCa(tmp_path / "other").file.read_bytes())

    with pytest.raises(SystemExit, match="cannot be reached"):
        trust.main("recall")
