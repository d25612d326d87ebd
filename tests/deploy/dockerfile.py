"""The Dockerfile, read: its stages with their instructions."""

import json
import re
from dataclasses import dataclass, field

from docs.markdown import ROOT


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [value for name, value in self.instructions if name == instruction]

    def one(self, instruction: str) -> str:
        (value,) = self.all(instruction)
        return value

    def words(self, instruction: str) -> list[str]:
        """The words of an instruction in its exec form."""
        return json.loads(self.one(instruction))

    @property
    def health(self) -> list[str]:
        """The words of the command that checks it."""
        return json.loads(self.one("HEALTHCHECK").partition(" CMD ")[2])

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for value in self.all("ENV") for pair in value.split())


def read() -> tuple[list[str], list[Stage]]:
    """The arguments before the first stage, and the stages."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    arguments, stages = [], []
    for instruction, value in (line.split(maxsplit=1) for line in lines):
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            stages.append(Stage(base, name))
        elif stages:
            stages[-1].instructions.append((instruction, value))
        else:
            arguments.append(value)
    return arguments, stages
