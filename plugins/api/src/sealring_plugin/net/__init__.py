"""Calling a KMS over HTTPS: the client, its guard, and credentials that are renewed."""

from sealring_plugin.net.bounded import Bounded
from sealring_plugin.net.client import Connect, HttpsClient
from sealring_plugin.net.dialing import dial
from sealring_plugin.net.egress import Egress
from sealring_plugin.net.endpoint import Endpoint
from sealring_plugin.net.lifetimes import token_life_s
from sealring_plugin.net.messages import Answer, Request
from sealring_plugin.net.renewed import Lease, Renewed
from sealring_plugin.net.trust import tls_context

__all__ = [
    "Answer",
    "Bounded",
    "Connect",
    "Egress",
    "Endpoint",
    "HttpsClient",
    "Lease",
    "Renewed",
    "Request",
    "dial",
    "tls_context",
    "token_life_s",
]
