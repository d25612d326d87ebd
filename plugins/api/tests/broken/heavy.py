"""A spec that imports an SDK."""

import pytest  # noqa: F401  it stands for an SDK
from toy import SPEC  # noqa: F401
