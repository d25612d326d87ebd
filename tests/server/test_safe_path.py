"""Code that lies in the current folder is no part of the server."""

import os

from sealring.operator.embedded import EmbeddedValkey
from support.live import is_ready, serving
from support.scraping import Metrics
from support.waiting import becomes_true

NAMES = ("gunicorn", "h11", "prometheus_client", "cryptography", "redis", "jwt", "sealring_local", "sitecustomize")


def test_no_process_imports_from_the_current_folder(tmp_path, monkeypatch):
    here, told, mark = tmp_path / "here", Metrics(), tmp_path / "imported"
    here.mkdir()
    for name in NAMES:
        (here / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(here)
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))  # an empty one is the current folder
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    with EmbeddedValkey(tmp_path) as store, serving(tmp_path, store.url, 1, more=told.settings) as live:
        assert becomes_true(lambda: is_ready(live) and told.answers(), within_s=60)

    assert not mark.exists()
