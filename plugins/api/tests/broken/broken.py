"""The kit run on the toy, and on each provider that is broken. Not collected by itself."""

from dataclasses import replace

import behaving
import empowered
import specs
import wrapping
from kit import Kit, KitOfCustomers
from toy import SPEC, Full, Named

from sealring_plugin import Unavailable


class TestCorrect(Kit):
    made = Full


class TestCorrectWithoutPowers(KitOfCustomers):
    made = Named


class TestLeaksSessions(KitOfCustomers):
    made = behaving.LeaksSessions

    def sessions(self, provider):
        return len(provider.leaked)


class TestImportsAnSdk(Kit):
    entry_point = "heavy:SPEC"
    light_imports = frozenset({"toy"})


class TestOffersAnotherSpec(Kit):
    made = Full
    spec = replace(SPEC, waits=lambda config: True)


class TestTellsTheWrongFailureWhenBuilt(Kit):
    def make_provider(self, folder):
        if self.vault.settings_fail:
            raise Unavailable
        return super().make_provider(folder)


class KitOfSpecs(Kit):
    light_imports = frozenset({"toy"})

    def settings(self):
        roots = {"root_file": "root"} if getattr(self.spec, "initialise", None) else {}
        return {**super().settings(), **roots}


def broken(module):
    """The providers of a module that are not the start of others."""
    found = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return [each for each in found if issubclass(each, Named) and not each.__subclasses__()]


for provider in [each for module in (wrapping, behaving, empowered) for each in broken(module)]:
    name = f"Test{provider.__name__}"
    kit = Kit if issubclass(provider, Full) else KitOfCustomers
    globals().setdefault(name, type(name, (kit,), {"made": provider, "__module__": __name__}))

for name, spec in specs.SPECS.items():
    made = {"spec": spec, "entry_point": f"specs:{name}", "__module__": __name__}
    globals()[f"Test{name}"] = type(f"Test{name}", (KitOfSpecs,), made)
