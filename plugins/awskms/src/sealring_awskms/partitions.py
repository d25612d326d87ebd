"""The partitions of AWS, their regions and their endpoints: botocore's own data, without its code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Self

from sealring_plugin.net import Endpoint

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}")  # a word of a host's name, whatever the data allow


@dataclass(frozen=True, slots=True)
class Partition:
    """`domain`: of regional endpoints; `dual_stack`: of those that have IPv6 too, or empty."""

    domain: str
    dual_stack: str
    pattern: re.Pattern[str]
    regions: frozenset[str]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        outputs = told["outputs"]
        return cls(
            domain=outputs["dnsSuffix"],
            dual_stack=outputs.get("dualStackDnsSuffix", ""),
            pattern=re.compile(told["regionRegex"], re.ASCII),
            regions=frozenset(told["regions"]),
        )

    def has(self, region: str) -> bool:
        """Whether a region is, or by its name may become, one of the partition; `aws-global` and its like are none."""
        return _REGION.fullmatch(region) is not None and (
            region in self.regions or self.pattern.fullmatch(region) is not None
        )


@cache
def partitions() -> Mapping[str, Partition]:
    """Return all of them by name. What ~/.aws and AWS_DATA_PATH add to botocore's data does not count."""
    told = json.loads(files("botocore").joinpath("data/partitions.json").read_bytes())
    return MappingProxyType({each["id"]: Partition.of(each) for each in told["partitions"]})


@cache
def domains() -> frozenset[str]:
    """Return the domains of regional endpoints, of all partitions."""
    return frozenset(each.domain for each in partitions().values())


def regional(service: str, region: str, partition: str) -> Endpoint:
    """Return the endpoint of a service in a region."""
    return Endpoint("https", f"{service}.{region}.{partitions()[partition].domain}", 443)


@cache
def _host_of_region() -> re.Pattern[str]:
    suffixes = domains() | {each.dual_stack for each in partitions().values() if each.dual_stack}
    any_suffix = "|".join(sorted(map(re.escape, suffixes)))
    return re.compile(rf"(?:.+\.)?kms(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:{any_suffix})")


def region_of(host: str) -> str:
    """Return the region in the host name of an endpoint of KMS; empty for an emulator or a private name."""
    found = _host_of_region().fullmatch(host)
    return found[1] if found else ""
