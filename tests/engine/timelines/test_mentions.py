"""Whom a text mentions. Point 7 of the predecessor's failures: names are words, in any script, never parts of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fields import ParticipantId, ParticipantKind, Role
from engine.domain.people import Participant
from engine.domain.rooms import Member
from engine.timelines.mentions import MOST, Handles
from tests.storage.made import NOON


def member(name: str, username: str | None = None) -> Member:
    person = Participant(ParticipantId(username or name), ParticipantKind.USER, name)
    return Member(person, Role.MEMBER, NOON, username)


HANDLES = Handles(
    [member("Ann"), member("Ada Lovelace", "ada"), member("Émile"), member("花子"), member("Ада"), member("j.doe")]
)


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("@Ann", ["Ann"]),
        ("hi @ann!", ["Ann"]),
        ("planning @annual", []),
        ("write to x@ann", []),
        ("https://example.org/@ann", []),
        ("(@ann)", ["Ann"]),
        ("@ann's", ["Ann"]),
        ("@ada", ["ada"]),
        ("@Ada Lovelace wrote", ["ada"]),
        ("@ADA lovelaces", ["ada"]),
        ("@émile and @E\u0301MILE", ["Émile"]),
        ("@花子 さん", ["花子"]),
        ("@АДА", ["Ада"]),
        ("@j.doe.", ["j.doe"]),
        ("@j.doe, @ann.", ["j.doe", "Ann"]),
        ("@@ann", []),
        ("`@ann` and ```\n@ada\n```", []),
        ("@", []),
        ("@nobody", []),
    ],
)
def test_names_are_found_as_words(text: str, people: list[str]):
    assert HANDLES.mentioned(text) == (people, False)


def test_a_room_is_mentioned_as_a_whole():
    assert HANDLES.mentioned("@room and @ann") == (["Ann"], True)
    assert HANDLES.mentioned("@roommate") == ([], False)


def test_a_username_goes_before_the_same_display_name():
    handles = Handles([member("ada", "someone"), member("Other", "ada")])

    assert handles.mentioned("@ada").people == ["ada"]


def test_a_text_mentions_a_bounded_number_of_people():
    handles = Handles([member(f"m{number}") for number in range(2 * MOST)])

    assert len(handles.mentioned(" ".join(f"@m{number}" for number in range(2 * MOST))).people) == MOST


@given(st.text())
def test_any_text_is_read(text: str):
    assert set(HANDLES.mentioned(text).people) <= {"Ann", "ada", "Émile", "花子", "Ада", "j.doe"}


@given(st.from_regex(r"[\w]{1,20}", fullmatch=True))
def test_whoever_is_a_member_can_be_mentioned(name: str):
    handles = Handles([member(name)])

    found = handles.mentioned(f"hello @{name}, there")

    assert found.people == [name] or found.everyone
