"""gunicorn's configuration, loaded at the start and at each reload, and refused if no worker could serve with it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.sock import ssl_context

from sealring.errors import SettingsInvalid
from sealring.server.certificate import Certificate
from sealring.settings import WorkerKind

_CLASSES = {
    WorkerKind.LOOP: ("sealring.server.loop_worker.LoopWorker", "sealring.server.asgi:create_app()"),
    WorkerKind.THREADS: ("sealring.server.thread_worker.ThreadsWorker", "sealring.server.wsgi:create_app()"),
}
_APPS = {app for _, app in _CLASSES.values()}
_GUNICORNS = "sync"  # its default


class Application(WSGIApplication):  # type: ignore[misc]  # gunicorn has no types
    """The application that gunicorn's command line names."""

    cfg: Any
    app_uri: str
    certificate: Certificate

    def load_config(self) -> None:
        super().load_config()
        if self.cfg.settings["worker_class"].get() != _GUNICORNS:
            raise SettingsInvalid(
                "gunicorn's worker_class is not to be set: [server] worker of the settings chooses it"
            )
        if self.cfg.workers < 1:
            raise SettingsInvalid("gunicorn's workers has to be at least 1")
        if self.cfg.preload_app:
            raise SettingsInvalid("gunicorn's preload_app has to be False: each worker builds its own app")
        self.certificate = Certificate.of(self.cfg)
        self.certificate.require_usable()
        if self.cfg.is_ssl:
            self._keep_certificate()
            self.certificate.note_loaded()

    def chdir(self) -> None:
        os.chdir(self.cfg.chdir)  # gunicorn's own would also import code from there

    def _keep_certificate(self) -> None:
        """Let each worker inherit what was read now: it could start later, when the files are no good any more."""
        context = ssl_context(self.cfg)
        self.cfg.set("ssl_context", lambda _config, _default_factory: context)

    def choose(self, kind: WorkerKind) -> None:
        """Use this kind of worker."""
        worker_class, app = _CLASSES[kind]
        self.cfg.set("worker_class", worker_class)
        if self.app_uri in _APPS:  # else the operator's own
            self.app_uri = app
            import_module(app.partition(":")[0])  # here, and not in each worker: half a second, and 20 MB of each

    @property
    def configuration(self) -> tuple[Any, str, Certificate]:
        """All attributes that loading changes."""
        return self.cfg, self.app_uri, self.certificate

    @configuration.setter
    def configuration(self, loaded: tuple[Any, str, Certificate]) -> None:
        self.cfg, self.app_uri, self.certificate = loaded
        self.certificate.stays()

    def reload(self) -> None:
        """Raises SettingsInvalid if the configuration cannot be used; the caller then restores the one before."""
        try:
            super().reload()
        except SystemExit as refused:  # gunicorn has printed why
            raise SettingsInvalid("gunicorn's configuration cannot be used; its message is above") from refused
