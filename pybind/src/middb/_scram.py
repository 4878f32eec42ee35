"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. The password is not sent, and a
server that does not know it is found out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from typing import Dict, Optional

from ._codes import AuthFailedError, InvalidArgumentError, ProtocolError

# RFC 7677 asks for at least 4096 iterations; a hostile server could ask for years.
MIN_ITERATIONS, MAX_ITERATIONS = 4096, 1_000_000

_BIND = base64.b64encode(b"n,,").decode()


class Scram:
    """One login: first, then final with what the server said, then verify. For tests the nonce can be given."""

    def __init__(self, user: str, password: str, nonce: Optional[str] = None) -> None:
        name = saslprep(user, "user name").replace("=", "=3D").replace(",", "=2C")
        self._password = saslprep(password, "password").encode()
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        self._bare = f"n={name},r={self._nonce}"
        self._signature = b""

    def first(self) -> bytes:
        """Returns the client-first message."""
        return f"n,,{self._bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        """Returns the client-final message."""
        fields = _fields(server_first)
        nonce, salt, iterations = fields.get("r", ""), _unbase64(fields.get("s", "")), fields.get("i", "")
        if "m" in fields or not nonce.startswith(self._nonce) or nonce == self._nonce or not salt:
            raise ProtocolError("the server's part of the login is no valid SCRAM-SHA-256 message")
        if not iterations.isascii() or not iterations.isdecimal() or len(iterations) > 9:
            raise ProtocolError("the server's part of the login has no valid iteration count")
        if not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise ProtocolError(
                f"the server asks for {iterations} iterations; {MIN_ITERATIONS} to {MAX_ITERATIONS} are safe"
            )
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(iterations))
        without_proof = f"c={_BIND},r={nonce}"
        message = b",".join((self._bare.encode(), server_first, without_proof.encode()))
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self._signature = _hmac(_hmac(salted, b"Server Key"), message)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        """Checks the server-final message: that the server knows the user's credentials, too."""
        fields = _fields(server_final)
        if "e" in fields:
            raise AuthFailedError(f"the login failed: {fields['e']}")
        if not self._signature or not hmac.compare_digest(_unbase64(fields.get("v", "")), self._signature):
            raise AuthFailedError(
                "the server does not know the password itself: it may not be the one it says it is",
                hint="check the address; use tls=verify-full",
            )


def saslprep(text: str, what: str) -> str:
    """Returns text as RFC 4013 prepares it, so that it does not matter how a keyboard composes an umlaut."""
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    out = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
        stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
        stringprep.in_table_c9, stringprep.in_table_a1,
    )  # fmt: skip
    for c in out:
        if any(table(c) for table in prohibited):
            raise InvalidArgumentError(f"the {what} has the character U+{ord(c):04X}, which logins do not allow")
    if any(stringprep.in_table_d1(c) for c in out) and (
        any(stringprep.in_table_d2(c) for c in out)
        or not (stringprep.in_table_d1(out[0]) and stringprep.in_table_d1(out[-1]))
    ):
        raise InvalidArgumentError(f"the {what} mixes writing directions in a way that logins do not allow")
    return out


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _fields(message: bytes) -> Dict[str, str]:
    try:
        text = message.decode()
    except UnicodeDecodeError as e:
        raise ProtocolError("the server's part of the login is not UTF-8") from e
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise ProtocolError("the server's part of the login is not base64 where it must be") from e
