"""The wizard: choose the cloud, create the key, grant access, name the key; the check follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from marshmallow import ValidationError

from sealring.domain.binding import Binding
from sealring.domain.ids import uuid_text
from sealring.errors import BindingConflict, InvalidBody, KeyFailure, NotFound
from sealring.portal.forms import OPTION, KeyForm, Typed, messages_of, typed_in
from sealring.portal.frame import START, Frame, PortalServices, go, shown
from sealring.portal.texts import Texts
from sealring.portal.visits import Visit
from sealring.providers.catalog import Offer
from sealring.services.setups import WantedKey, guard_of_all
from sealring_plugin import Recipe, SetupGuide, SetupPart, SetupStep

CONNECT = "/portal/connect"
CHECK = 5  # the step that follows


@dataclass(frozen=True, slots=True)
class Tabs:
    """The ways to do one part of a setup: in the console, or with a tool."""

    steps: Sequence[SetupStep]
    recipes: Sequence[Recipe]

    @classmethod
    def of(cls, part: SetupPart, otherwise: Sequence[str]) -> Tabs:
        return cls(part.steps or [SetupStep(each) for each in otherwise], part.recipes)


class WizardPages:
    def __init__(self, frame: Frame, services: PortalServices, texts: Texts) -> None:
        self._frame = frame
        self._bindings = services.bindings
        self._setups = services.setups
        self._checks = services.checks
        self._texts = texts

    def start(self, visit: Visit) -> Response:
        """Lead to the status of the keys that there are, or else to the wizard."""
        return go("/portal/status" if self._bindings.list(visit.caller, visit.session.org) else CONNECT)

    def choose(self, visit: Visit) -> Response:
        return shown("choose.html", step=1, offers=self._setups.offers(visit.caller), current=self._current(visit))

    def create(self, visit: Visit, provider: str) -> Response:
        offer, guide = self._offer(visit, provider), self._guide(visit, provider)
        tabs = Tabs.of(guide.create, guide.steps)
        return shown("create.html", step=2, offer=offer, tabs=tabs)

    def access(self, visit: Visit, provider: str) -> Response:
        offer, guide = self._offer(visit, provider), self._guide(visit, provider)
        tabs = Tabs.of(guide.grant, ())
        apart = guide.policy if guide.policy not in {each.text for each in tabs.recipes} else ""
        return shown(
            "access.html", step=3, offer=offer, tabs=tabs, policy=guide.grant.paste or apart, notes=guide.notes
        )

    def key(self, visit: Visit, provider: str) -> Response:
        """Show the form: empty, or with what a pending binding has."""
        earlier = self._pending(visit, provider, request.args.get("instead_of", ""))
        typed = None if earlier is None else _typed_as(earlier)
        return self._form(visit, provider, typed, {}, instead_of="" if earlier is None else uuid_text(earlier.id))

    def name(self, visit: Visit, provider: str) -> Response:
        """Store the key that was named, and check it."""
        typed, instead_of = typed_in(request.form), request.form.get("instead_of", "")
        try:
            key, options = self._key_form(visit, provider).load(typed)
            wanted = WantedKey(provider, key, options, instead_of)
            binding = self._setups.connect(visit.caller, visit.session.org, wanted)
        except (ValidationError, InvalidBody, BindingConflict, KeyFailure) as refused:
            errors = self._errors(visit, provider, refused)
            return self._form(visit, provider, typed, errors, instead_of=instead_of, status=422)
        self._checks.start(visit.caller, binding, activates=True)
        return go(f"/portal/keys/{uuid_text(binding.id)}/check")

    def again(self, visit: Visit, provider: str) -> Response:
        """Show the form with what was typed in another session; nothing is done until it is sent in this one."""
        note = self._texts.key.stale
        return self._form(visit, provider, typed_in(request.form), {}, instead_of="", note=note, status=403)

    def add_to(self, blueprint: Blueprint) -> None:
        page, form = self._frame.page, self._frame.form
        blueprint.add_url_rule(START, "start", page(self.start))
        blueprint.add_url_rule(CONNECT, "choose", page(self.choose))
        blueprint.add_url_rule(f"{CONNECT}/<provider>/create", "create", page(self.create))
        blueprint.add_url_rule(f"{CONNECT}/<provider>/access", "access", page(self.access))
        blueprint.add_url_rule(f"{CONNECT}/<provider>/key", "key", page(self.key), methods=["GET"])
        blueprint.add_url_rule(f"{CONNECT}/<provider>/key", "name", form(self.name, self.again), methods=["POST"])

    def _form(  # noqa: PLR0913  all that the page shows
        self,
        visit: Visit,
        provider: str,
        typed: Typed | None,
        errors: Mapping[str, str],
        *,
        instead_of: str,
        note: str = "",
        status: int = 200,
    ) -> Response:
        return shown(
            "key.html",
            status,
            step=4,
            offer=self._offer(visit, provider),
            fields=self._key_form(visit, provider).shown(typed, errors),
            errors=errors,
            instead_of=instead_of,
            note=note,
            current=self._current(visit),
        )

    def _key_form(self, visit: Visit, provider: str) -> KeyForm:
        guide = self._guide(visit, provider)
        return KeyForm(self._offer(visit, provider), dict(guide.options), self._texts)

    def _errors(self, visit: Visit, provider: str, refused: Exception) -> Mapping[str, str]:
        if isinstance(refused, ValidationError):
            return messages_of(refused)
        if isinstance(refused, InvalidBody):
            return self._key_form(visit, provider).errors_of(refused)
        return {"key": self._texts.key.connected if isinstance(refused, BindingConflict) else self._texts.key.failed}

    def _offer(self, visit: Visit, provider: str) -> Offer:
        try:
            return self._setups.offer(visit.caller, provider)
        except InvalidBody:
            raise NotFound("Page") from None

    def _guide(self, visit: Visit, provider: str) -> SetupGuide:
        return self._setups.guide(visit.caller, provider, visit.session.org) or SetupGuide((), "")

    def _current(self, visit: Visit) -> Binding | None:
        return guard_of_all(self._bindings.list(visit.caller, visit.session.org))

    def _pending(self, visit: Visit, provider: str, text_id: str) -> Binding | None:
        """Return the binding that the page `check` leads back from, if it is still there."""
        try:
            found = self._bindings.read(visit.caller, text_id) if text_id else None
        except NotFound:
            return None
        return found if found is not None and found.provider == provider else None


def _typed_as(binding: Binding) -> Typed:
    return {"key": binding.key, **{OPTION + name: value for name, value in binding.options}}
