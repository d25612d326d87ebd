"""What the SDKs say they are, and what they ask for."""

import uuid

# What the SDKs say they are. None of them gives a key to a PUT or DELETE by itself, but Ruby, when it repeats a PUT.
SDKS = {
    "Node": {"User-Agent": "workos-node/8.13.0"},
    "Python": {"User-Agent": "WorkOS Python/3.11.7 Python SDK/10.8.0"},
    "Go": {"User-Agent": "workos-go/v10.1.1"},
    "Kotlin": {"User-Agent": "workos-kotlin/7.2.0"},
    ".NET": {"User-Agent": "workos-dotnet/6.2.0"},
    "PHP": {"User-Agent": "WorkOS PHP/9.0.0"},
    "Laravel": {"User-Agent": "WorkOS PHP Laravel/8.0.0"},
    "Ruby": {"User-Agent": "WorkOS; ruby/3.3.5; x86_64-linux; v10.2.1"},
}


def named():
    return {"Idempotency-Key": str(uuid.uuid4())}
