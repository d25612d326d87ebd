"""Google on loopback: Cloud KMS and service account credentials, by the rules of Google's own documentation.

Each rule names the page that it is from. test_google_client.py lets Google's own client talk to it.
"""

from fake_google.certificates import Authority
from fake_google.google import Google
from fake_google.kms import DISABLED, ENABLED

__all__ = ["DISABLED", "ENABLED", "Authority", "Google"]
