"""gunicorn's configuration of the servers that the conformance suite asks."""

from sealring.server.serving import *  # noqa: F403  as config/gunicorn.conf.py has it

wsgi_app = "connect.runner.app:create_app()"
workers = 1
