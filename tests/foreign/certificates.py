"""Certificates for a day: `certificates.py FOLDER` writes what a site and its enemies have.

`ca.pem` is an authority; `localhost.pem` and `localhost.key` are a server's by it, as `elsewhere.*` are of a server of another name;
`stranger.*` is a certificate for localhost by `stranger-ca.pem`, whom nobody trusts but by name, and `expired.*` one of yesterday.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

folder, now, day = Path(sys.argv[1]), datetime.now(UTC), timedelta(days=1)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, issuer, key, signer, until, extension):
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - 2 * day).not_valid_after(until)
    builder = builder.add_extension(extension, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
    return builder.sign(signer, SHA256())


def authority(common):
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return key, certificate(common, common, key, key, now + day, usage)


def server(file, host, issuer, signer, until=now + day):
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(host, issuer, key, signer, until, x509.SubjectAlternativeName([x509.DNSName(host)]))
    (folder / f"{file}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{file}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


(key, ca), (strange_key, strange_ca) = authority("park"), authority("stranger")
(folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
(folder / "stranger-ca.pem").write_bytes(strange_ca.public_bytes(Encoding.PEM))
server("localhost", "localhost", "park", key)
server("elsewhere", "elsewhere.example", "park", key)
server("expired", "localhost", "park", key, until=now - day)
server("stranger", "localhost", "stranger", strange_key)
