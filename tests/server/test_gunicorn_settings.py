"""The settings that gunicorn gets from us, and those that are left to it."""

import io
import logging
import sys
from pathlib import Path

import pytest
from gunicorn.config import Config

from sealring.server import serving


def loaded(location: Path | None) -> dict[str, object]:
    """gunicorn's view of a configuration: what differs from its defaults."""
    from gunicorn.app.wsgiapp import WSGIApplication  # noqa: PLC0415  it reads sys.argv, which the caller sets first

    sys.argv = serving._command("unix:s", None, None, location)[3:]
    cfg, defaults = WSGIApplication().cfg, Config()
    return {
        name: setting.get()
        for name, setting in cfg.settings.items()
        if setting.get() != defaults.settings[name].get() and name not in ("config", "bind")
    }


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__config__", None)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)


def test_gunicorn_takes_these_settings_and_no_other(arguments: None):
    changed = loaded(None)

    assert changed == {
        "wsgi_app": "sealring.server.asgi:create_app()",
        "workers": 2,
        "worker_connections": 800,
        "threads": 16,
        "keepalive": 75,
        "timeout": 60,
        "graceful_timeout": 25,
        "max_requests": 200_000,
        "max_requests_jitter": 20_000,
        "limit_request_line": 8190,
        "limit_request_fields": 64,
        "forwarder_headers": [],
        "secure_scheme_headers": {"X-FORWARDED-PROTO": "https"},
        "control_socket_disable": True,
        "on_starting": serving.on_starting,
        "on_reload": serving.on_reload,
        "post_fork": serving.post_fork,
        "child_exit": serving.child_exit,
    }


def test_the_operators_file_changes_nothing_by_itself(arguments: None):
    shipped = Path(__file__).parents[2] / "config" / "gunicorn.conf.py"

    assert loaded(shipped) == loaded(None)


def test_the_settings_that_equal_gunicorns_defaults_stay_so(arguments: None):
    defaults = Config()

    assert serving.limit_request_line == 8190
    assert serving.limit_request_field_size == 8190
    assert defaults.limit_request_field_size == 8190
    assert (serving.header_map, serving.preload_app, serving.accesslog, serving.errorlog) == ("drop", False, None, "-")


def test_numbers_that_are_not_given_are_left_to_the_configuration():
    given = serving._command("127.0.0.1:8000", 3, 5, None)
    left_out = serving._command("127.0.0.1:8000", None, None, None)

    assert given[-4:] == ["--workers", "3", "--threads", "5"]
    assert left_out[1:] == [
        *("-P", "-m", "sealring.server.master"),
        *("--config", "python:sealring.server.serving"),
        "--no-control-socket",
        *("--bind", "127.0.0.1:8000"),
    ]


def test_the_other_messages_of_gunicorn_are_left_alone():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(serving._without_request)

    handler.handle(logging.LogRecord("gunicorn.error", logging.INFO, "", 0, "Booting worker with pid: %s", (7,), None))

    assert out.getvalue() == "Booting worker with pid: 7\n"
