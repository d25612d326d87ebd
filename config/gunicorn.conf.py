"""gunicorn's settings for sealring: what stands below the import overrules what sealring brings.

    sealring serve --gunicorn-config config/gunicorn.conf.py

Keep the import. It brings the defaults (app/sealring/server/serving.py) and the hooks that harden each worker. Often
changed: `workers` (one or two for each core), `threads` (requests in progress in each worker; half of them may wait for
the keys of one organization) and `forwarded_allow_ips` (the proxies whose X-Forwarded-Proto is believed).
All settings: https://docs.gunicorn.org/en/stable/settings.html
"""  # noqa: INP001  gunicorn reads a file, not a package

from sealring.server.serving import *  # noqa: F403  all of them, and later ones too
