"""gunicorn's settings for sealring. Settings below the import override the defaults of sealring.

    sealring serve --gunicorn-config config/gunicorn.conf.py

Keep the import. It has the defaults (app/sealring/server/serving.py) and the hooks that harden each worker. Settings
that are often changed: `workers` (one or two for each core), `threads` (requests in progress in each worker; at most
half of them wait for the keys of one organization) and `forwarded_allow_ips` (the proxies whose X-Forwarded-Proto is
trusted). All settings: https://docs.gunicorn.org/en/stable/settings.html
"""  # noqa: INP001  gunicorn reads a file, not a package

from sealring.server.serving import *  # noqa: F403  all settings, also future ones
