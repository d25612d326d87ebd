"""What was driven through the server: every canary, by kind, and every answer."""

from dataclasses import dataclass, field

from secrecy.canaries import canary
from support.live import Answer


@dataclass
class Driven:
    """What was sent, by kind, and what came back."""

    values: dict[str, bytes] = field(default_factory=dict)
    deks: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, bytes] = field(default_factory=dict)  # of objects, and of what else a client may call things
    contexts: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, Answer] = field(default_factory=dict)
    raw_refusals: dict[str, bytes] = field(default_factory=dict)
    successes: dict[str, Answer] = field(default_factory=dict)  # that must carry neither values nor keys
    carriers: dict[str, Answer] = field(default_factory=dict)  # that must carry the value or the key

    @property
    def secrets(self) -> dict[str, bytes]:
        return self.values | self.deks | self.tokens

    @property
    def everything(self) -> dict[str, bytes]:
        return self.secrets | self.names | self.contexts

    def value(self, what: str) -> str:
        return _kept(self.values, f"value {what}")

    def name(self, what: str) -> str:
        return _kept(self.names, f"name {what}")

    def context(self, what: str) -> str:
        return _kept(self.contexts, f"context {what}")

    def token(self, what: str) -> str:
        return _kept(self.tokens, f"token {what}")

    def keep(self, what: str, answer: Answer) -> Answer:
        """Keep an answer that is not the one which carries a value or a key."""
        (self.successes if answer.status < 400 else self.refusals)[what] = answer
        return answer


def _kept(place: dict[str, bytes], what: str) -> str:
    made = canary()
    place[what] = made.encode()
    return made
