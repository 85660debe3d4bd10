"""Signatures: who sent a request; its raw body and headers in, nothing out, or SignatureError."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence

from recording_tracker.errors import SignatureError, UsageError

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""Names in any case; as pairs, a header that came twice is seen to."""

MAX_HEADER_LENGTH = 8_192
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)


class AgoraSignature:
    """
    Checks that Agora sent a body: HMAC of the raw bytes, SHA-256 in ``Agora-Signature-V2``, else SHA-1.

    Several *secrets* may hold at once, so that a key can be changed without a gap. Raises UsageError
    where one is empty. https://docs.agora.io/en/cloud-recording/develop/receive-notifications
    """

    def __init__(self, *secrets: str | bytes) -> None:
        self._secrets = _checked(secrets, "secret")

    def verify(self, body: bytes, headers: Headers) -> None:
        """
        Raise SignatureError unless a secret signs *body*, byte for byte as it arrived.

        Nothing that is signed tells the time: a captured request stays good, and only its event id shows the repeat.
        """
        given = _single(headers, "agora-signature-v2")
        name, algorithm, length = "Agora-Signature-V2", "sha256", 64
        if given is None:
            given = _single(headers, "agora-signature")
            name, algorithm, length = "Agora-Signature", "sha1", 40
        if not given:
            raise SignatureError("the request has no Agora-Signature-V2 and no Agora-Signature")
        if len(given) != length or not _HEX.fullmatch(given):
            raise SignatureError(f"{name} is not {length} hex digits")
        expected = (hmac.new(secret, body, algorithm).hexdigest() for secret in self._secrets)
        if not _matches(given.lower().encode(), (digest.encode() for digest in expected)):
            raise SignatureError(f"{name} is not that of the body with a secret of ours")


class BasicAuth:
    """
    Checks the user and password that a provider was told to send; several pairs may hold at once.

    Raises UsageError where one is empty.
    """

    def __init__(self, *credentials: tuple[str, str]) -> None:
        for user, password in credentials:
            _checked([user, password], "user or password")
        self._expected = _checked([f"{user}:{password}" for user, password in credentials], "pair")

    def verify(self, headers: Headers) -> None:
        """Raise SignatureError unless ``Authorization`` holds one of the pairs."""
        given = _single(headers, "authorization")
        if not given:
            raise SignatureError("the request has no Authorization")
        scheme, _, encoded = given.partition(" ")
        if scheme.lower() != "basic":
            raise SignatureError("Authorization is not of the scheme Basic")
        try:
            pair = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise SignatureError("Authorization holds no Base64") from error
        if b":" not in pair:
            raise SignatureError("Authorization holds no user and password")
        if not _matches(pair, self._expected):
            raise SignatureError("Authorization holds another user or password than ours")


class UrlToken:
    """
    Checks the secret that was put into a callback url, for providers that sign nothing.

    Several *tokens* may hold at once. Raises UsageError where one is empty.
    """

    def __init__(self, *tokens: str) -> None:
        self._tokens = _checked(tokens, "token")

    def verify(self, token: str | None) -> None:
        """Raise SignatureError unless *token* is one of ours."""
        if not token or not _matches(token.encode("utf-8", "surrogatepass"), self._tokens):
            raise SignatureError("the url has no token of ours")


def _checked(secrets: Sequence[str | bytes], what: str) -> list[bytes]:
    found = [secret.encode() if isinstance(secret, str) else secret for secret in secrets]
    if not found or not all(found):
        raise UsageError(f"{what}: is empty; without one, anybody could send callbacks")
    return found


def _single(headers: Headers, name: str) -> str | None:
    """Return the header's value; raises SignatureError where it came twice or is too long."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = [value for key, value in pairs if key.lower() == name]
    if len(found) > 1:
        raise SignatureError(f"the request has {name} more than once")
    if found and len(found[0]) > MAX_HEADER_LENGTH:
        raise SignatureError(f"{name} has more than {MAX_HEADER_LENGTH} characters")
    return found[0].strip(" \t") if found else None


def _matches(given: bytes, expected: Iterable[bytes]) -> bool:
    """Compare with each in constant time, and with all, whichever fits."""
    return sum(hmac.compare_digest(given, wanted) for wanted in expected) > 0
