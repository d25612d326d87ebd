"""The forms, checked by marshmallow: each error is beside its field, and what was typed is there again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import whitespace
from typing import Any
from unicodedata import category

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from werkzeug.datastructures import MultiDict

from sealring.errors import InvalidBody
from sealring.portal.texts import Texts
from sealring.providers.catalog import Offer
from sealring_plugin import ConfigField

MAX_CHARACTERS = 2048  # of a field
OPTION = "option-"  # before the name of an option, so that none is taken for a field of ours

# What copying puts around a text: spaces, and characters that nobody sees (among them a byte order mark).
_AROUND = f"{whitespace}\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_UNSEEN = {"Cc", "Cf"}  # controls, zero-width characters, and those that turn the direction of what follows

Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form of a key, as the page shows it."""

    name: str
    label: str
    help: str
    value: str
    error: str
    required: bool
    kind: str  # text, number or switch
    more: bool = False  # one that few need


class KeyForm:
    """The form of a key of one provider."""

    def __init__(self, offer: Offer, suggested: Mapping[str, str], texts: Texts) -> None:
        self._offer = offer
        self._suggested = suggested
        self._texts = texts
        self._schema = Schema.from_dict({"key": self._text(required=True), **self._options()})(unknown=EXCLUDE)

    def load(self, typed: Typed) -> tuple[str, Mapping[str, object]]:
        """Return the key and its options. Raises ValidationError, by field."""
        given = {name: bare for name, text in typed.items() if (bare := text.strip(_AROUND))}
        loaded = self._schema.load(given)
        options = {
            each.name: loaded[OPTION + each.name] for each in self._offer.options if OPTION + each.name in loaded
        }
        return loaded["key"], options

    def shown(self, typed: Typed | None, errors: Mapping[str, str]) -> Sequence[Field]:
        """Return the fields with what was typed; None: with what is suggested."""
        first = Field(
            name="key",
            label=self._texts.key.label,
            help=self._texts.key.example.format(example=self._offer.key_example) if self._offer.key_example else "",
            value="" if typed is None else typed.get("key", ""),
            error=errors.get("key", ""),
            required=True,
            kind="text",
        )
        return (first, *(self._field(each, typed, errors) for each in self._offer.options))

    def errors_of(self, refused: InvalidBody) -> Mapping[str, str]:
        """Return what the provider refuses, at the first field that its text names, or else at the key."""
        text = (refused.violations[0][1] if refused.violations else str(refused)).strip()
        named = [(text.find(each.name), OPTION + each.name) for each in self._offer.options if each.name in text]
        return {min(named)[1] if named else "key": text[:1].upper() + text[1:]}

    def _field(self, option: ConfigField, typed: Typed | None, errors: Mapping[str, str]) -> Field:
        name = OPTION + option.name
        default = self._suggested.get(option.name, "")
        unfinished = "<" in default  # the owner fills it in
        value = default if typed is None else typed.get(name, "")
        return Field(
            name=name,
            label=option.label or option.name,
            help=option.help[:1].upper() + option.help[1:] + ".",
            value=value,
            error=errors.get(name, ""),
            required=option.required,
            kind={int: "number", bool: "switch"}.get(option.kind, "text"),
            more=not (option.required or unfinished or value != default or errors.get(name)),
        )

    def _options(self) -> Mapping[str, fields.Field[Any]]:
        return {OPTION + each.name: self._of(each) for each in self._offer.options}

    def _of(self, option: ConfigField) -> fields.Field[Any]:
        messages = {"required": self._texts.key.missing, "invalid": self._texts.key.number}
        if option.kind is int:
            return fields.Integer(required=option.required, error_messages=messages)
        if option.kind is bool:
            return fields.Boolean(required=False, truthy={"yes"}, falsy={"no"})
        return self._text(required=option.required)

    def _text(self, *, required: bool) -> fields.Field[Any]:
        long = validate.Length(max=MAX_CHARACTERS, error=self._texts.key.long.format(most=MAX_CHARACTERS))
        messages = {"required": self._texts.key.missing}
        return fields.String(required=required, validate=[long, self._legible], error_messages=messages)

    def _legible(self, text: str) -> None:
        """Raises ValidationError for a name that is another one than it looks like."""
        if any(category(character) in _UNSEEN for character in text):
            raise ValidationError(self._texts.key.unseen)


def typed_in(form: MultiDict[str, str]) -> Typed:
    """Return what was typed, without what the page itself sends."""
    return {name: value for name, value in form.items() if name == "key" or name.startswith(OPTION)}


def messages_of(error: ValidationError) -> Mapping[str, str]:
    """Return the first message of each field."""
    return {str(name): str(told[0]) for name, told in error.messages_dict.items() if told}
