"""A file name means the same in every plugin; files of other names are few, and each is explained."""

import ast

from docs.markdown import read, rows, section
from docs.plugins import PLUGINS, every_plugin, modules, readme

ROLES = [cells[0].strip("`") for cells in rows(section(read("docs/writing-a-plugin.md"), "### The files of a plugin"))]

# What else such a file could be called, and some once were.
OTHER_NAMES = {
    "arn.py": "key.py",
    "bundle.py": "description.py",
    "checks.py": "findings.py",
    "metadata.py": "description.py",
    "options.py": "key.py",
    "policy.py": "setup.py",
    "provider.py": "wrap.py",
    "resource.py": "key.py",
    "settings.py": "config.py",
    "validation.py": "findings.py",
    "vaults.py": "key.py",
}

# A module that makes or defines one of these has the role, whatever its name.
HOME = {
    "Client": "client.py",
    "CustomersSpec": "spec.py",
    "FIELDS": "config.py",
    "Finding": "findings.py",
    "KEY_OPTIONS": "key.py",
    "KeyDescription": "description.py",
    "ManagedSpec": "spec.py",
    "SEAL": "seal_spec.py",
    "SPEC": "spec.py",
    "SealSpec": "seal_spec.py",
    "SetupGuide": "setup.py",
}


def explained(plugin):
    """The further files that the README lists, with the reason of each."""
    return {cells[0].strip("`"): cells[1] for cells in rows(section(readme(plugin), "## Files"))}


def made_in(tree):
    """The names that a module defines, and those that it calls."""
    constants = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return classes | {node.id for node in (*constants, *calls) if isinstance(node, ast.Name)}


def has_a_provider(tree):
    """Whether a class wraps and unwraps by itself; a protocol only says that another class does."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    own = [node for node in classes if "Protocol" not in {getattr(base, "id", "") for base in node.bases}]
    return any({"wrap", "unwrap"} <= {getattr(method, "name", "") for method in node.body} for node in own)


def parsed(plugin):
    return {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in modules(plugin)}


def test_the_plugins_of_this_repository_are_found():
    assert [plugin.name for plugin in PLUGINS] == [
        "awskms",
        "azurekv",
        "example",
        "gcpkms",
        "hsm",
        "local",
        "masterkey",
    ]


def test_the_files_of_a_plugin_are_those_that_the_page_promises():
    assert [name.removesuffix(".py") for name in ROLES] == [
        "spec",
        "config",
        "key",
        "client",
        "credentials",
        "wrap",
        "errors",
        "description",
        "findings",
        "setup",
        "guide",
        "seal_spec",
        "seal",
    ]


@every_plugin
def test_a_role_has_one_file_name(plugin):
    found = {path.name for path in modules(plugin)} & OTHER_NAMES.keys()

    assert {name: OTHER_NAMES[name] for name in found} == {}


@every_plugin
def test_what_a_role_makes_is_made_in_its_file(plugin):
    # A class `Client` is defined in client.py and made elsewhere: whoever makes it imports it.
    elsewhere = [
        (file, name)
        for file, tree in parsed(plugin).items()
        for name in made_in(tree) & HOME.keys() - imported(tree, plugin)
        if file != HOME[name]
    ]

    assert elsewhere == []


def imported(tree, plugin):
    """The names that a module imports from another one of its plugin."""
    package = f"{next(plugin.glob('src/*')).name}."
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {each.name for node in froms if str(node.module).startswith(package) for each in node.names}


@every_plugin
def test_the_provider_is_in_wrap(plugin):
    assert [file for file, tree in parsed(plugin).items() if has_a_provider(tree)] == ["wrap.py"]


@every_plugin
def test_every_further_file_is_explained_in_the_readme(plugin):
    further = {path.name for path in modules(plugin)} - {*ROLES}

    assert explained(plugin).keys() == further
    assert [file for file, reason in explained(plugin).items() if len(reason.split()) < 4] == []


@every_plugin
def test_every_plugin_has_types(plugin):
    assert len(list(plugin.glob("src/*/py.typed"))) == 1
