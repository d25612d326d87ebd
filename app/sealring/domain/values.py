"""Values of which every request makes many: immutable to the type checker, and cheap to make.

A frozen dataclass of eight fields takes six times as long to make as one that is not frozen, and a read makes about
seventy fields of such values. So these are frozen for mypy alone. Values that others are handed to keep (those of the
plugins' interface) and values that are made once stay frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A dataclass with slots, compared and hashed by its fields. Nothing may assign to it."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def caching_value(cls: type[T]) -> type[T]:
    """Likewise, without slots, because it has cached properties."""
    return dataclass(unsafe_hash=True)(cls)
