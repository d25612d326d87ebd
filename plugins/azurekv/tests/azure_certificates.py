"""A private certificate authority, the fake's certificate under it, and that of our app, made for the tests."""

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NAMES = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


class Certificates:
    """Files in a folder: ca.pem; server.pem and server-key.pem; app.pem with both. `app` is the app's certificate."""

    def __init__(self, folder):
        self.ca_file, self.app_file = folder / "ca.pem", folder / "app.pem"
        self.server_files = (folder / "server.pem", folder / "server-key.pem")
        ca_key, server_key, app_key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
        ca = _certificate("the tests' authority", ca_key.public_key(), "the tests' authority", ca_key, [_ca()])
        server = _certificate("fake", server_key.public_key(), "the tests' authority", ca_key, [_names()])
        self.app = _certificate("app", app_key.public_key(), "app", app_key, [])
        _write(self.ca_file, _pem(ca))
        _write(self.server_files[0], _pem(server))
        _write(self.server_files[1], _key_pem(server_key))
        _write(self.app_file, _key_pem(app_key) + _pem(self.app))


def _certificate(subject, public_key, issuer, issuer_key, extensions):
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _ca():
    return x509.BasicConstraints(ca=True, path_length=0), True


def _names():
    return x509.SubjectAlternativeName(NAMES), False


def _pem(certificate):
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path, content):
    path.touch(mode=0o600)
    path.write_bytes(content)
