"""Stand-ins of what a cluster says, and who asks it."""

import threading

from auth.kit import ENVIRONMENT, NOW, SetClock, nothing_revoked
from sealring.auth.key_sources import StaticKeys
from sealring.auth.scoping import Authenticator
from sealring.auth.tokens import TokenVerifier
from sealring.domain.principal import Permission, Principal
from sealring.fibers import Outcome
from support.api_server import ISSUER, account_token

PATIENCE_S = 20


class Cluster:
    """What a cluster says, and how often it was asked. While `answers` is not set, it says nothing."""

    def __init__(self):
        self.accepted = True
        self.failure = None
        self.refused = {}  # failures for single subjects
        self.asked = []
        self.answers = threading.Event()
        self.answers.set()

    def accepts(self, token, subject):
        self.asked.append((token, subject))
        self.answers.wait(PATIENCE_S)
        failure = self.refused.get(subject, self.failure)
        if failure is not None:
            raise failure
        return self.accepted


class Lines:
    def __init__(self):
        self.lines = []

    def key_set(self, message, **about):
        self.lines.append((message, about))


def caller(*organizations, permissions=(Permission.OBJECTS_READ,), subject="pod"):
    return Principal(ISSUER, subject, subject, ENVIRONMENT, frozenset(organizations), frozenset(permissions))


def require(reviews, token="token-1", principal=None):
    reviews.require(token, token.encode(), principal or caller("org_a"))


def outcome(reviews, *arguments):
    return type(Outcome.of(lambda: require(reviews, *arguments)).failure)


def authenticator(*clusters, reviews):
    sources = {each.issuer: StaticKeys(each.jwks) for each in clusters}
    return Authenticator(TokenVerifier(clusters, sources, SetClock()), nothing_revoked(), SetClock(), reviews)


def header(**changes):
    return ["Bearer " + account_token(now=NOW, **changes)]
