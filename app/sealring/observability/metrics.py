"""The metrics of a server: docs/metrics.md has them all, and tests hold both, the alerts and the dashboard together.

No label says anything of an organization, a name, an id, a key or a token: their values are those listed here, and the
names of routes and of key providers, which are known before the first request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sealring.observability.series import Across, Counter, Family, Gauge, Histogram, Words

# Upper bounds in seconds, around what a healthy server needs, and up to its deadlines.
_STORE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5)
_REQUEST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_KMS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)

ROUTES: Final = Words("none")  # and the templates of the routes; `none`: no route has the path
METHODS: Final = Words("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
STATUSES: Final = Words("2xx", "3xx", "4xx", "5xx")
PROVIDERS: Final = Words()  # and those that the settings name
VERSIONS: Final = Words()  # and that of this server
CHECKS: Final = Words("store", "keys", "revocations")

BUILD: Final = Gauge("sealring_build_info", "1, with the version of the server.", Across.MOST, version=VERSIONS)

REQUESTS: Final = Histogram(
    "sealring_http_request_duration_seconds",
    "From the head of a request to its answer; the time for the body counts.",
    _REQUEST_S,
    method=METHODS,
    route=ROUTES,
    status=STATUSES,
)
IN_FLIGHT: Final = Gauge("sealring_http_requests_in_flight", "Requests in work, sampled.", Across.SUM)
CONNECTIONS: Final = Gauge("sealring_http_connections", "Open connections of clients, sampled.", Across.SUM)
REFUSED: Final = Counter(
    "sealring_refused_total",
    "Refusals because of a limit: rates of a subject, an organization or an environment, an organization's share of a "
    "worker, a worker without a free place, a quota, and connections over the limit of a worker.",
    reason=Words("subject", "organization", "environment", "share", "overloaded", "quota", "connections"),
)
AUTH: Final = Counter(
    "sealring_auth_total",
    "Decisions about tokens: accepted, refused (401) with the rule that was broken, denied (403), and unavailable "
    "(503: the keys of the issuer or the list of revocations cannot be had).",
    outcome=Words("accepted", "refused", "denied", "unavailable"),
    reason=Words(
        "none", "no token", "scheme", "form", "header", "payload", "iss", "alg", "typ", "kid", "signature", "expired",
        "exp", "iat", "nbf", "lifetime", "audience", "cnf", "sub", "jti", "crit", "jku", "x5u", "jwk", "x5c", "b64",
        "zip", "organization claim", "permissions claim", "keyrings claim", "revoked", "token review",
        "forbidden", "issuer",
    ),
)  # fmt: skip
CACHE: Final = Counter(
    "sealring_cache_lookups_total",
    "Lookups in the caches of a worker: verified tokens, decisions about keys, and data keys that a binding lets it "
    "keep.",
    cache=Words("tokens", "decisions", "opened_keys"),
    outcome=Words("hit", "miss"),
)

STORE_TRIPS: Final = Histogram(
    "sealring_store_round_trip_duration_seconds", "One exchange with a node of the store.", _STORE_S
)
TRANSACTIONS: Final = Counter(
    "sealring_store_txn_total",
    "Transactions by outcome: `conflict` and `ambiguous_*` are of attempts, and the others end a transaction. After a "
    "reply was lost, `ambiguous_landed` found the write in the store, and `ambiguous_lost` found that it is not there.",
    outcome=Words(
        "committed", "repeated", "refused", "conflict", "ambiguous_landed", "ambiguous_lost", "unknown", "contention",
        "unavailable",
    ),
)  # fmt: skip
WAIT_SHORT: Final = Counter(
    "sealring_store_wait_short_total", "Writes that too few replicas had confirmed in time (`wait_replicas`)."
)
DURABILITY: Final = Gauge(
    "sealring_store_durability",
    "1 for the class of durability that the store had when the worker started.",
    Across.MOST,
    durability=Words("strong", "single", "best effort"),
)
HEADROOM: Final = Gauge(
    "sealring_store_memory_headroom_ratio",
    "The free part of the store's `maxmemory`, of the fullest node; absent if there is no limit, or INFO is refused.",
    Across.LEAST,
)
READY: Final = Gauge(
    "sealring_ready", "1 if the check of readiness passes in every worker, else 0.", Across.LEAST, check=CHECKS
)

KMS_CALLS: Final = Histogram(
    "sealring_kms_request_duration_seconds",
    "Calls to key providers that wait for something outside of the process. The outcome is `ok` or the failure.",
    _KMS_S,
    provider=PROVIDERS,
    op=Words("wrap", "unwrap", "create_key", "check", "describe", "validate", "setup"),
    outcome=Words(
        "ok", "KeyAccessDenied", "KeyDisabled", "KeyPendingDeletion", "KeyNotFound", "KeyMisconfigured", "KeyDestroyed",
        "KeyExhausted", "KeyThrottled", "KeyUnavailable", "KeyDeadlineExceeded", "PluginFault", "IntegrityFailure",
    ),
)  # fmt: skip
CIRCUITS: Final = Gauge(
    "sealring_kms_circuits_open", "Keys whose last failure answers for them for five seconds.", Across.SUM,
    provider=PROVIDERS,
)  # fmt: skip
WRAPS: Final = Gauge(
    "sealring_kek_wraps_ratio",
    "The largest part of its safe number of wraps that a managed key has used; keys below a quarter are not shown.",
    Across.MOST,
)

AUDIT_APPEND: Final = Histogram(
    "sealring_audit_append_duration_seconds", "Appending the event of a read before its answer.", _STORE_S
)
AUDIT_BLOCKED: Final = Gauge(
    "sealring_audit_blocked", "1 if a worker could not append its last event of a read, so that it answers none.",
    Across.MOST,
)  # fmt: skip

LOOP_HELD: Final = Counter("sealring_loop_held_total", "How often code held up an event loop for over 20 ms.")
JWKS_AGE: Final = Gauge(
    "sealring_jwks_age_seconds", "The age of the oldest set of keys in use that was fetched from an issuer.",
    Across.MOST,
)  # fmt: skip
PURGE_BACKLOG: Final = Gauge(
    "sealring_purge_backlog",
    "Deleted objects that were due and stayed in the last round of purging, and partitions that were left out.",
    Across.MOST,
)
PURGED_AT: Final = Gauge(
    "sealring_purge_completed_timestamp_seconds",
    "When the last round of purging ended; when the worker started, if it has made none.",
    Across.MOST,
)
CERTIFICATE: Final = Gauge(
    "sealring_certificate_expiry_timestamp_seconds",
    "When the certificate that the server serves with expires; absent without TLS.",
    Across.LEAST,
)
RELOAD_REFUSED: Final = Gauge(
    "sealring_reload_refused",
    "1 if the last reload was refused, so that the former settings and certificate stay in use; else 0.",
    Across.MOST,
)
WORKERS: Final = Gauge("sealring_workers", "Workers that serve.", Across.SUM)
WORKER_ENDS: Final = Counter(
    "sealring_worker_ends_total",
    "Workers that ended: told to (a reload, its maximum of requests, fewer workers), or by themselves.",
    cause=Words("told", "crashed"),
)

FAMILIES: Final[Sequence[Family]] = tuple(each for each in list(globals().values()) if isinstance(each, Family))
