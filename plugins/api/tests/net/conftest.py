"""Servers that say what a test wants, and an authority of certificates of the tests' own."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealring_plugin.net import Endpoint, HttpsClient, dial, tls_context


class Server:
    """Gives each connection to `speak`, in a thread of its own. `accepted` are the connections so far."""

    def __init__(self, speak, tls=None):
        self._speak = speak
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads = []
        self.over = threading.Event()
        self.accepted = []
        self.port = self._listener.getsockname()[1]
        self.endpoint = Endpoint("http" if tls is None else "https", "127.0.0.1", self.port)

    def start(self):
        self._run(self._serve)

    def stop(self):
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self.accepted:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for each in self._threads:
            each.join(20)
        for each in self.accepted:
            each.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted.append(connection)
                self._run(self._speaking, connection)

    def _speaking(self, connection):
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self.accepted.append(connection)
            self._speak(connection, self.over)

    def _run(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


@pytest.fixture
def speaking():
    """Start a server whose connections are given to a function, with an event that ends it."""
    started = []

    def speaking(speak, tls=None):
        server = Server(speak, tls)
        started.append(server)
        server.start()
        return server

    yield speaking
    for each in started:
        each.stop()


@pytest.fixture
def answering(speaking):
    """Start a server that answers each request with these bytes."""

    def answering(*parts, tls=None):
        def speak(connection, _over):
            while connection.recv(65_536):
                for part in parts:
                    connection.sendall(part)

        return speaking(speak, tls)

    return answering


@pytest.fixture
def make_client():
    made = []

    def make(connect=dial, ca_file=None):
        made.append(HttpsClient(connect, tls_context(ca_file)))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Authority:
    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' own")])
        self.ca_file = folder / "ca.pem"
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self.ca_file.write_bytes(self._signed(self._name, self._key.public_key(), basic))

    def server(self, host="127.0.0.1", hours=(-1, 1)):
        """Return the context of a server with a certificate for a host, valid between these hours from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        certificate = self._signed(subject, key.public_key(), x509.SubjectAlternativeName([_named(host)]), hours)
        path = self._folder / f"{host}.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(key.private_bytes(*form) + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(self, name, public_key, extension, hours=(-1, 1)):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder(self._name, name, public_key, x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(hours=hours[0]))
            .not_valid_after(now + dt.timedelta(hours=hours[1]))
            .add_extension(extension, critical=True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
