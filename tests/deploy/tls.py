"""A Postgres as managed ones are: behind TLS, with a certificate that nobody has signed.

Not every build of Postgres can TLS (the one in the wheel cannot), so it is ended before the server, as
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.sandbox.stage import HOST

SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


@dataclass
class Secured:
    port: int
    certificate: Path
    connected: list[str] = field(default_factory=list)  # by which version of TLS; "" where in the clear


@contextlib.asynccontextmanager
async def secured(server_port: int, folder: Path) -> AsyncIterator[Secured]:
    """The server at `server_port`, to whoever asks for TLS; others are turned away, as Heroku does."""
    certificate, context = _certificate(folder)
    found = Secured(0, certificate)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != SSL_REQUEST:
            found.connected.append("")
            writer.close()
            return
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(context)
        found.connected.append(writer.get_extra_info("ssl_object").version())
        there, back = await asyncio.open_connection(HOST, server_port)
        await asyncio.gather(_pass(reader, back), _pass(there, writer), return_exceptions=True)

    listening = await asyncio.start_server(take, HOST, 0)
    found.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield found


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, secret)
    return certificate, context
