"""What plugins may rely on is written down, and changes only on purpose.

After a change on purpose: `python plugins/api/tests/test_public_surface.py`.
"""

import inspect
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

import sealring_plugin
from sealring_plugin import conformance, net
from sealring_plugin.conformance.hooks import Hooks

SURFACE = Path(__file__).parents[1] / "public-surface.txt"


def surface():
    lines = [line for module in (sealring_plugin, net, conformance) for line in lines_of_module(module)]
    return "\n".join([*lines, *promises()]) + "\n"


def lines_of_module(module):
    yield f"# {module.__name__}"
    for name in sorted(module.__all__):
        yield from lines_of(name, getattr(module, name))
    yield ""


def lines_of(name, thing):
    if not inspect.isclass(thing):
        yield f"{name}{signature(thing)}" if inspect.isfunction(thing) else f"{name} = {shown(thing)}"
        return
    described = Hooks if issubclass(thing, Hooks) else thing
    yield f"class {name}({', '.join(base.__name__ for base in described.__bases__ if base is not object)})"
    if issubclass(thing, Enum):
        yield from (f"    {member.name} = {member.value!r}" for member in thing)
    elif is_dataclass(thing):
        yield from (f"    {each.name}: {each.type}{default(each)}" for each in fields(thing))
    else:
        yield from (f"    {each}" for each in attributes(described))
    yield from (f"    {each}{signature(method)}" for each, method in methods(described))
    yield from (
        f"    {each}: {inspect.signature(found.fget).return_annotation}" for each, found in properties(described)
    )


def attributes(thing):
    """Class attributes and their defaults, of all classes that are ours."""
    ours = [each for each in reversed(thing.__mro__) if each.__module__.startswith("sealring_plugin")]
    found = {name: kind for each in ours for name, kind in inspect.get_annotations(each).items()}
    given = {name: f" = {getattr(thing, name)!r}" if hasattr(thing, name) else "" for name in found}
    return [f"{name}: {kind}{given[name]}" for name, kind in found.items()]


def methods(thing):
    for name, method in sorted(inspect.getmembers(thing, inspect.isroutine)):
        ours = (getattr(method, "__module__", None) or "").startswith("sealring_plugin")
        if ours and (not name.startswith("_") or (name == "__init__" and makes_itself(thing))):
            yield name, method


def makes_itself(thing):
    """Whether its constructor is written down in it, and neither made by `dataclass` nor a Protocol's."""
    return "__init__" in vars(thing) and not is_dataclass(thing) and not getattr(thing, "_is_protocol", False)


def properties(thing):
    yield from sorted(inspect.getmembers(thing, lambda each: isinstance(each, property)))


def promises():
    yield "# the promises"
    yield from sorted(name for name in vars_of(conformance.ProviderConformance) if name.startswith("test_"))


def vars_of(thing):
    return {name for each in thing.__mro__ for name in vars(each)}


def signature(function):
    """As it stands in the source, whatever the version of Python."""
    found = inspect.signature(function)
    parameters, starred = [], False
    for each in found.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not starred:
            parameters, starred = [*parameters, "*"], True
        kind = "" if each.annotation is each.empty else f": {each.annotation}"
        parameters.append(f"{each.name}{kind}{'' if each.default is each.empty else f' = {each.default!r}'}")
    return f"({', '.join(parameters)}) -> {found.return_annotation}"


def shown(constant):
    return repr(constant).replace("pathlib._local.", "pathlib.")


def default(field):
    if callable(field.default_factory):
        return f" = {field.default_factory()!r}"
    return "" if repr(field.default).startswith("<dataclasses._MISSING") else f" = {field.default!r}"


def test_the_public_surface_is_the_one_that_is_written_down():
    assert surface().splitlines() == SURFACE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    SURFACE.write_text(surface(), encoding="utf-8")
