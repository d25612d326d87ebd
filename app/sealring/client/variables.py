"""Secrets as environment variables: which variable an object is, and which it never becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sealring.client.failures import VariablesRefused

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SEPARATORS = str.maketrans("-./ ", "____")

# Who may create an object of the context would run code of their own, or read what the program sends, if it could set
# these: they choose what loaders, shells, interpreters, git and TLS libraries load, run and trust.
_POWERFUL = re.compile(
    r"LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH|MALLOC_.*|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN"
    r"|PATH|HOME|SHELL|IFS|ENV|BASH_.*|BASHOPTS|SHELLOPTS|PS[0-4]|PROMPT_COMMAND|CDPATH|ZDOTDIR|FPATH|TMPDIR"
    r"|PYTHON[A-Z0-9]+|PERL5?(LIB|OPT|DB)|RUBY(OPT|LIB)|GEM_(PATH|HOME)|BUNDLE_(GEMFILE|PATH|BIN_PATH)|PHPRC"
    r"|PHP_INI_SCAN_DIR|NODE_(OPTIONS|PATH|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED)|NPM_CONFIG_.*|LUA_C?(PATH|INIT).*"
    r"|(_JAVA|JDK_JAVA|JAVA_TOOL)_OPTIONS|(JAVA|MAVEN|GRADLE|CATALINA)_OPTS|JAVA_HOME|CLASSPATH|DOTNET_STARTUP_HOOKS"
    r"|COR(ECLR)?_.*|GO(FLAGS|PROXY|ENV|ROOT|PATH|DEBUG)|RUSTC_.*|RUSTFLAGS|ERL_.*FLAGS|ERL_LIBS|R_(PROFILE|ENVIRON).*"
    r"|GIT_(CONFIG|SSH|EXEC|EXTERNAL|TEMPLATE|PROXY|ASKPASS|PAGER|EDITOR|DIR|SEQUENCE).*|SSH_(ASKPASS|AUTH_SOCK)"
    r"|EDITOR|VISUAL|PAGER|MANPAGER|BROWSER|LESS(OPEN|CLOSE)|DOCKER_(HOST|CONFIG)|KUBECONFIG"
    r"|OPENSSL_.*|SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|(CURL|REQUESTS|AWS)_CA_BUNDLE|(HTTP|HTTPS|ALL|FTP|NO)_PROXY"
    r"|SEALRING_.*"
)


def variable_of(name: str) -> str:
    """Return the variable for the object of that name: `db-password` is DB_PASSWORD.

    Raises VariablesRefused for a name of other characters than ASCII letters, digits, `_`, `-`, `.`, `/` and blanks,
    for one that begins with a digit, and for a variable that changes what programs load, run or trust.
    """
    variable = name.translate(_SEPARATORS).upper() if name.isascii() else ""
    if not _VARIABLE.fullmatch(variable):
        raise VariablesRefused(
            f"{name!a} is no name of a variable: rename it to ASCII letters, digits, '_' and '-', not a digit first"
        )
    if _POWERFUL.fullmatch(variable):
        raise VariablesRefused(
            f"{name!a} would be {variable}, which decides what programs load, run or trust: rename it"
        )
    return variable


def with_secrets(environment: Mapping[bytes, bytes], secrets: Iterable[tuple[str, str]]) -> dict[bytes, bytes]:
    """Return the environment with a variable for each secret, a name and a value as it is.

    Raises VariablesRefused if two names have one variable, if the environment has it already with another value, or if
    a value has a NUL in it.
    """
    made: dict[bytes, bytes] = {}
    for name, value in secrets:
        variable, content = variable_of(name).encode(), value.encode()
        if variable in made:
            raise VariablesRefused(f"two secrets would be {variable.decode()}: rename one of them")
        if environment.get(variable, content) != content:
            raise VariablesRefused(
                f"{variable.decode()} is set already, to another value: unset it, or rename the secret"
            )
        if b"\0" in content:
            raise VariablesRefused(f"the value for {variable.decode()} has a NUL in it, which no variable can have")
        made[variable] = content
    return {**environment, **made}
