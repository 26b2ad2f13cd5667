import base64
import json
import string
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.tokens import AccessTokens, Claims, new_refresh_token, refresh_digest
from engine.domain.fields import ParticipantId
from engine.errors import TokenExpired, Unauthenticated

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ADA = ParticipantId("0190a000-0000-7000-8000-000000000001")

tokens = AccessTokens("a key for tests only", seconds=900)


def signed(claims: object, *, key: bytes | None = None, algorithm: str = "HS256") -> str:
    return jwt.PyJWS().encode(json.dumps(claims).encode(), tokens._key if key is None else key, algorithm=algorithm)


def claims(**changes: object) -> dict[str, object]:
    issued = int(NOW.timestamp())
    return {"sub": ADA, "typ": "access", "fam": "f", "iat": issued, "exp": issued + 900} | changes


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
    st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
)
def test_a_token_says_what_was_signed_until_it_expires(user_id: str, family_id: str, now: datetime):
    token = tokens.sign(ParticipantId(user_id), family_id, now=now)

    read = tokens.read(token, now=now + timedelta(seconds=898))

    assert (read.sub, read.fam, read.exp - read.iat) == (user_id, family_id, 900)
    with pytest.raises(TokenExpired):
        tokens.read(token, now=now + timedelta(seconds=900))


def test_a_token_names_the_person_by_id_and_says_that_it_is_an_access_token():
    token = tokens.sign(ADA, "family", now=NOW)

    payload = jwt.decode(token, options={"verify_signature": False})

    assert payload == {"sub": ADA, "typ": "access", "fam": "family", "iat": 1893456000, "exp": 1893456900}


def test_the_standard_claims_made_elsewhere_with_our_key_are_read():
    assert tokens.read(signed(claims()), now=NOW) == Claims(
        sub=ADA, typ="access", fam="f", iat=1893456000, exp=1893456900
    )


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject):
    token = tokens.sign(ADA, "family", now=NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != token[place]))

    with pytest.raises(Unauthenticated):
        tokens.read(token[:place] + other + token[place + 1 :], now=NOW)


def test_a_token_that_differs_only_in_bits_that_base64_leaves_unused_is_refused():
    token = tokens.sign(ADA, "family", now=NOW)

    good = []
    for last in string.ascii_letters + string.digits + "-_":
        with suppress(Unauthenticated):
            good.append(tokens.read(token[:-1] + last, now=NOW))

    assert good == [tokens.read(token, now=NOW)]


@given(st.text() | st.text(st.sampled_from("ab.-_=")) | st.binary().map(lambda octets: octets.decode("latin-1")))
def test_a_malformed_token_is_refused(token: str):
    with pytest.raises(Unauthenticated):
        tokens.read(token, now=NOW)


def test_a_token_of_half_a_surrogate_pair_is_refused():
    with pytest.raises(Unauthenticated):
        tokens.read("\ud800", now=NOW)


def test_a_token_that_nobody_signed_is_refused():
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "typ": "JWT"}, claims())
    )

    for token in (f"{header}.{payload}.", f"{header}.{payload}"):
        with pytest.raises(Unauthenticated):
            tokens.read(token, now=NOW)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_signed_by_another_algorithm_is_refused(algorithm: str):
    key = b"k" * 64
    ours = AccessTokens("a key for tests only")
    ours._key = key

    with pytest.raises(Unauthenticated):
        ours.read(signed(claims(), key=key, algorithm=algorithm), now=NOW)


def test_a_token_signed_with_another_key_is_refused():
    token = AccessTokens("another key", seconds=900).sign(ADA, "family", now=NOW)

    with pytest.raises(Unauthenticated):
        tokens.read(token, now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        claims(typ="refresh"),
        claims(typ=None),
        claims(sub=1),
        claims(sub=None),
        claims(fam=None),
        claims(exp="soon"),
        claims(exp=10**30),
        claims(exp=1e999),
        claims(admin=True),
        {key: value for key, value in claims().items() if key != "exp"},
        {key: value for key, value in claims().items() if key != "fam"},
        {key: value for key, value in claims().items() if key != "typ"},
        ["not", "claims"],
    ],
)
def test_a_signed_token_with_other_claims_is_refused(wrong: object):
    with pytest.raises(Unauthenticated):
        tokens.read(signed(wrong), now=NOW)


def test_a_refresh_token_is_no_access_token():
    with pytest.raises(Unauthenticated):
        tokens.read(new_refresh_token(), now=NOW)


def test_refresh_tokens_are_256_bits_and_never_the_same():
    made = {new_refresh_token() for _ in range(100)}

    secrets = {base64.urlsafe_b64decode(token.removeprefix("gathering_refresh_") + "=") for token in made}
    assert len(made) == 100
    assert {len(secret) for secret in secrets} == {32}


@given(st.text(), st.text())
def test_the_digest_of_a_refresh_token_is_its_own_and_does_not_contain_it(one: str, other: str):
    assert len(refresh_digest(one)) == 32
    assert (refresh_digest(one) == refresh_digest(other)) == (one == other)
