"""Headers, H1 to H13: a request is let in only if it shows that it comes from the provider."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable

import pytest

from recording_tracker import SignatureError, TrackerError, UsageError
from recording_tracker.signatures import AgoraSignature, BasicAuth, UrlToken

V1, V2 = "Agora-Signature", "Agora-Signature-V2"

# Both from https://docs.agora.io/en/cloud-recording/develop/receive-notifications: the first body is the one that the
# page's digests are of; below them it prints the second, whose own digests these are.
PAGE_BODY = (
    b'{"eventMs":1560408533119,"eventType":10,"noticeId":"4eb720f0-8da7-11e9-a43e-53f411c2761f",'
    b'"notifyMs":1560408533119,"payload":{"a":"1","b":2},"productId":1}'
)
PAGE = {
    V1: "033c62f40f687675f17f0f41f91a40c71c0f134c",
    V2: "6d3320c60b11101395b7fc8f9068748808a0aa1bfa064438e39d1bc2c7d74d99",
}
DAMAGED_BODY = PAGE_BODY.replace(b'"eventMs":1560408533119,', b"").replace(b"a43e-53f4", b"a43e53f4")
DAMAGED = {
    V1: "92ea60c5249b641f80de046d11e1cb2d15f1d1b2",
    V2: "6ba85d7c1122f6c51143cce7765f06c601c0fbd691987f4510e45b943b2639e8",
}


def signed(body: bytes, secret: bytes = b"secret") -> dict[str, str]:
    return {V1: hmac.new(secret, body, "sha1").hexdigest(), V2: hmac.new(secret, body, "sha256").hexdigest()}


def refused(verify: Callable[[], None]) -> str:
    """Return what the one error says; no request may cause another."""
    with pytest.raises(SignatureError) as error:
        verify()
    assert isinstance(error.value, TrackerError)
    said = str(error.value)
    assert len(said) < 200
    assert said.isprintable()
    return said


# Agora


@pytest.mark.parametrize(("body", "headers"), [(PAGE_BODY, PAGE), (DAMAGED_BODY, DAMAGED)], ids=["page", "damaged"])
@pytest.mark.parametrize("names", [(V1, V2), (V2,), (V1,)], ids=["both", "V2", "V1"])
def test_the_vectors_of_agoras_page_are_good(body: bytes, headers: dict[str, str], names: tuple[str, ...]) -> None:
    AgoraSignature("secret").verify(body, {name: headers[name] for name in names})


def test_the_vectors_are_what_they_are_said_to_be() -> None:
    assert len(PAGE_BODY) == 155
    assert (signed(PAGE_BODY), signed(DAMAGED_BODY)) == (PAGE, DAMAGED)
    refused(lambda: AgoraSignature("secret").verify(DAMAGED_BODY, PAGE))


def test_h1_no_signature() -> None:
    assert "no Agora-Signature" in refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {"Content-Type": "x"}))


@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_h2_an_empty_signature(empty: str) -> None:
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: empty}))
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: empty, V1: PAGE[V1]}))


@pytest.mark.parametrize("wrong", ["0" * 64, PAGE[V2][:-1] + "0", PAGE[V2][1:], PAGE[V2] + "00", "g" * 64])
def test_h3_a_wrong_signature(wrong: str) -> None:
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: wrong}))
    # The older header cannot make up for it: who sends both has to get both right that count.
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: wrong, V1: PAGE[V1]}))


def test_h4_the_digest_of_the_other_header() -> None:
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: PAGE[V1]}))
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V1: PAGE[V2]}))


def test_h5_upper_case_digits_and_names_in_any_case_are_good() -> None:
    AgoraSignature("secret").verify(PAGE_BODY, {V2.upper(): PAGE[V2].upper()})
    AgoraSignature("secret").verify(PAGE_BODY, [(V2.lower(), f" {PAGE[V2]}\t")])


@pytest.mark.parametrize(
    "odd",
    [
        "é" * 64,
        "１" * 64,
        "0" * 1_000_000,
        f"{PAGE[V2]}\n",
        f"{PAGE[V2]}\r\nX: y",
        "\ud800" * 64,
        "\x00" * 64,
        "0x" + "0" * 62,
    ],
    ids=["letters", "digits", "a megabyte", "a line break", "two lines", "half a pair", "NUL", "0x"],
)
def test_h6_an_odd_signature(odd: str) -> None:
    for name in (V1, V2):
        refused(lambda name=name: AgoraSignature("secret").verify(PAGE_BODY, {name: odd}))  # type: ignore[misc]


def test_h7_two_lines_of_a_header() -> None:
    for first, second in ((PAGE[V2], "0" * 64), ("0" * 64, PAGE[V2]), (PAGE[V2], PAGE[V2])):
        said = refused(lambda a=first, b=second: AgoraSignature("secret").verify(PAGE_BODY, [(V2, a), (V2.lower(), b)]))  # type: ignore[misc]
        assert "more than once" in said
    # What servers make of two lines.
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY, {V2: f"{PAGE[V2]}, {PAGE[V2]}"}))


@pytest.mark.parametrize("place", [0, 1, 77, 154])
def test_h8_a_byte_of_the_body_is_another(place: int) -> None:
    body = bytearray(PAGE_BODY)
    body[place] ^= 1

    refused(lambda: AgoraSignature("secret").verify(bytes(body), PAGE))
    refused(lambda: AgoraSignature("secret").verify(PAGE_BODY + b"\n", PAGE))


def test_h9_a_body_that_was_written_anew() -> None:
    again = json.dumps(json.loads(PAGE_BODY)).encode()

    assert json.loads(again) == json.loads(PAGE_BODY)
    refused(lambda: AgoraSignature("secret").verify(again, PAGE))


def test_h10_the_old_key_is_good_while_keys_are_changed_and_no_longer() -> None:
    both = AgoraSignature("new", b"secret")

    both.verify(PAGE_BODY, PAGE)
    both.verify(PAGE_BODY, signed(PAGE_BODY, b"new"))
    refused(lambda: AgoraSignature("new").verify(PAGE_BODY, PAGE))


@pytest.mark.parametrize(
    "configure",
    [
        AgoraSignature,
        lambda: AgoraSignature(""),
        lambda: AgoraSignature("secret", b""),
        BasicAuth,
        lambda: BasicAuth(("", "password")),
        lambda: BasicAuth(("user", "")),
        UrlToken,
        lambda: UrlToken("token", ""),
    ],
    ids=["none", "empty", "one empty", "no pair", "no user", "no password", "no token", "an empty token"],
)
def test_h11_an_empty_secret_refuses_to_start(configure: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="is empty"):
        configure()


def test_h12_nothing_that_agora_signs_tells_the_time() -> None:
    """So no age is checked; the event's id is what shows a request that is sent again."""
    AgoraSignature("secret").verify(PAGE_BODY, PAGE | {"X-Timestamp": "nan"})


# Basic


def basic(pair: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def test_basic_takes_each_pair_in_any_case_of_the_scheme() -> None:
    auth = BasicAuth(("user", "pass:word"), ("other", "pässword"))

    auth.verify(basic(b"user:pass:word"))
    auth.verify({"authorization": basic("other:pässword".encode())["Authorization"].replace("Basic", "bAsIc")})


@pytest.mark.parametrize(
    "header",
    [
        basic(b"user:wrong")["Authorization"],
        basic(b"wrong:password")["Authorization"],
        basic(b"userpassword")["Authorization"],
        basic(b"")["Authorization"],
        basic(b":")["Authorization"],
        basic(b"user:password\x00")["Authorization"],
        basic(b"\xff\xfe:\xff")["Authorization"],
        "Basic ???",
        "Basic dXNlcjpwYXNzd29yZ",
        "Basic é",
        "Basic \ud800",
        "Basic",
        "Basic dXNlcjpwYXNzd29yZA== dXNlcjpwYXNzd29yZA==",
        "Bearer dXNlcjpwYXNzd29yZA==",
        "Digest username=user",
        "dXNlcjpwYXNzd29yZA==",
        "Basic " + "A" * 1_000_000,
        "",
    ],
)
def test_h13_a_wrong_user_or_password_or_no_pair_at_all(header: str) -> None:
    refused(lambda: BasicAuth(("user", "password")).verify({"Authorization": header}))


def test_h13_no_authorization_or_two() -> None:
    good = basic(b"user:password")["Authorization"]

    refused(lambda: BasicAuth(("user", "password")).verify({}))
    refused(lambda: BasicAuth(("user", "password")).verify([("Authorization", good), ("authorization", good)]))


# A token in the url


def test_a_token_of_the_url_is_good_if_it_is_one_of_ours() -> None:
    tokens = UrlToken("old", "néw")

    tokens.verify("old")
    tokens.verify("néw")
    for wrong in (None, "", "ol", "old ", "OLD", "oldnéw", "é", "\ud800", "a" * 1_000_000):
        refused(lambda wrong=wrong: tokens.verify(wrong))  # type: ignore[misc]


@pytest.mark.parametrize(
    "verify",
    [
        lambda: AgoraSignature("hunter2").verify(b"body-of-somebody", signed(b"other")),
        lambda: BasicAuth(("user", "hunter2")).verify(basic(b"user:guess-of-somebody")),
        lambda: UrlToken("hunter2").verify("guess-of-somebody"),
    ],
    ids=["agora", "basic", "token"],
)
def test_what_is_said_tells_neither_the_secret_nor_what_was_sent(verify: Callable[[], None]) -> None:
    said = refused(verify)

    assert "hunter2" not in said
    assert "somebody" not in said
