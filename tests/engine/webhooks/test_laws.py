"""What holds for every signature, address and pause."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.webhooks import WebhookId, delivery_id, delivery_offset
from engine.errors import InvalidRequest
from engine.retry_after import parse_retry_after
from engine.webhooks.addresses import check_url, is_public
from engine.webhooks.retries import Retries
from engine.webhooks.signature import headers, new_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = WebhookId("0190a000-0000-7000-8000-000000000000")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_the_signature_is_that_of_the_reference_implementations():
    # The vector of Standard Webhooks' libraries, standard-webhooks/standard-webhooks, libraries/*/test.
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(0, 2**40))
def test_another_body_time_or_secret_gives_another_signature(body: bytes, other: bytes, time: int):
    assert (sign(SECRET, "msg_1", time, body) == sign(SECRET, "msg_1", time, other)) == (body == other)
    assert sign(SECRET, "msg_1", time, body) != sign(SECRET, "msg_1", time + 1, body)
    assert sign(SECRET, "msg_1", time, body) != sign(SECRET, "msg_2", time, body)
    assert sign(SECRET, "msg_1", time, body) != sign(new_secret(bytes), "msg_1", time, body)


def test_an_id_with_a_full_stop_is_not_signed():
    with pytest.raises(ValueError, match="full stop"):
        sign(SECRET, "msg_1.5", 1, b"")


def test_each_attempt_has_its_own_timestamp():
    assert headers(SECRET, "msg_1", NOW + timedelta(seconds=1.9), b"{}") == {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp()) + 1),
        "webhook-signature": sign(SECRET, "msg_1", int(NOW.timestamp()) + 1, b"{}"),
    }


def test_a_secret_is_as_long_as_the_specification_asks():
    secret = new_secret(lambda count: bytes(range(count)))

    prefix, _, encoded = secret.partition("_")
    assert prefix == "whsec"
    assert 24 <= len(b64decode(encoded)) <= 64
    assert b64encode(b64decode(encoded)).decode() == encoded


@given(st.integers(0, 10**18 - 1))
def test_a_delivery_is_named_by_its_offset_and_found_by_its_name(offset: int):
    name = delivery_id(HOOK, offset)

    assert "." not in name
    assert delivery_offset(HOOK, name) == offset


@pytest.mark.parametrize("name", ["", "msg_", "msg_1", delivery_id(HOOK, 1) + "x", delivery_id(HOOK, 1)[:-1] + "01"])
def test_what_is_no_name_of_a_delivery_has_no_offset(name: str):
    assert delivery_offset(HOOK, name) is None


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_between_a_half_and_the_whole_of_a_growing_and_bounded_time(failed: int, chance: float):
    retries = Retries(initial=60, factor=5, maximum=7200)
    whole = min(7200.0, 60.0 * 5.0 ** min(failed - 1, 64))

    assert whole / 2 <= retries.pause(failed, chance) <= whole


def test_without_luck_the_pauses_are_these():
    assert [Retries().pause(failed, 0.0) for failed in (1, 2, 3, 4)] == [60, 300, 1500, 7500]


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.floats(0, 1e9))
def test_retry_after_makes_a_pause_longer_and_never_endless(failed: int, chance: float, asked: float):
    retries = Retries()
    pause = retries.pause(failed, chance, asked)

    assert pause >= min(asked, retries.maximum)
    assert pause >= retries.pause(failed, chance)
    assert pause <= retries.maximum


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 01 Jan 2030 00:01:00 GMT", 60.0),
        ("Tue, 01 Jan 2030 00:01:00", 60.0),
        ("Mon, 31 Dec 2029 00:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None):
    assert parse_retry_after(value, lambda: NOW) == seconds


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - an address to be refused
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_machines_of_the_own_network_are_not_public(address: str):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_machines_on_the_internet_are_public(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/", "http"),
        ("example.org/hook", "http"),
        ("https://", "host"),
        ("https://ada:secret@example.org/", "credentials"),
        ("https://@example.org/", "credentials"),
        ("https://example.org/#there", "fragment"),
        ("https://example.org/#", "fragment"),
        ("https://example.org/a b", "characters"),
        ("https://example.org/\r\nHost: x", "characters"),
        ("https://exämple.org/", "characters"),
        ("https://example.org\\@127.0.0.1/", "characters"),
        ("https://example.org:0/", "port"),
        ("https://example.org:99999/", "URL"),
        ("https://[::1/", "URL"),
        ("https://ex%61mple.org/", "host"),
        ("https://example.org/" + "x" * 2048, "characters"),
        ("http://127.0.0.1/", "outside"),
        ("http://[::1]:8080/", "outside"),
        ("http://169.254.169.254/latest", "outside"),
        ("http://localhost/", "this machine"),
        ("http://a.localhost./", "this machine"),
    ],
)
def test_a_url_that_cannot_be_is_refused_by_the_rule_that_it_breaks(url: str, why: str):
    with pytest.raises(InvalidRequest, match=why) as refused:
        check_url(url, allow_private=False)

    assert [error.path for error in refused.value.errors] == ["url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hooks/1?key=a%20b&c=d",
        "http://sub-domain.example.org:8080",
        "https://8.8.8.8/",
        "http://x/",
    ],
)
def test_a_url_that_can_be_is_taken(url: str):
    check_url(url, allow_private=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]/"])
def test_private_addresses_are_taken_where_they_are_allowed(url: str):
    check_url(url, allow_private=True)
