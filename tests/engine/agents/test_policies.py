"""When an agent speaks: names as words in any script, questions in several languages, and dice that fall the same way twice."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agents.names import names
from engine.agents.policies import dice, wants
from engine.agents.questions import is_question
from engine.agents.speech import Opening
from engine.agents.window import fitting, tokens
from engine.domain.agents import Policy
from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.messages import Message
from engine.domain.people import Participant
from tests.storage.made import a_message, a_room
from tests.storage.test_agents import an_agent

ADA = Participant(ParticipantId("ada"), ParticipantKind.USER, "Ada")
ROOM = a_room()

NAMED = [
    ("Ann, are you there", "Ann"),
    ("hey @ann", "Ann"),
    ("Hallo ANN!", "ann"),
    ("(Ann)", "Ann"),
    ("Ann's book", "Ann"),
    ("\uff21\uff2e\uff2e hi", "Ann"),
    ("Ann of Green Gables is here", "Ann of Green Gables"),
    ("Annさん、元気", "Ann"),
    ("私はAnnです", "Ann"),
    ("アンさん", "アン"),
    ("さくらさん", "さくら"),
    ("小明你好", "小明"),
    ("민수야 안녕", "민수"),
    ("привет, Анна.", "анна"),
    ("राम, कैसे हो", "राम"),
    ("Straße frei, GROSSE", "große"),
]
NOT_NAMED = [
    ("planning", "Ann"),
    ("Anna", "Ann"),
    ("Annabel and Susann", "Ann"),
    ("Mary-Ann", "Ann"),
    ("ann_b", "ann"),
    ("ann@example.org", "Ann"),
    ("see https://ann.example/ann", "Ann"),
    ("`ann` and ```\nann\n```", "Ann"),
    ("アンケート", "アン"),
    ("김민수", "민수"),
    ("Сусанна", "анна"),
    ("रामायण", "राम"),
    ("", "Ann"),
]
QUESTIONS = """\
What did konrad say about the Z1
who wrote this
is anyone here
Hey Ann, can you help me
@archivist how many messages were there yesterday
Hello. where is the key
Really?
That's nice, isn't it?
"Where?" she asked
Konrad, wo bist du
was hat konrad über die Z1 gesagt
Kannst du mir helfen
Wie spät ist es
Hallo zusammen, weiß jemand wann der Zug kommt
gibt es noch Kaffee
qui a écrit cela
est-ce que tu viens
Peux-tu m'aider
tu fais quoi
où est la gare
Pourriez-vous répéter
y a-t-il quelqu'un
Tu viens ?
¿Dónde está Ana
qué hora es
como estas
por qué no funciona
alguien sabe la respuesta
quem escreveu isso
como você está
você sabe a resposta
onde fica a estação
o que aconteceu
これは何ですか
どう思いますか
今何時
誰が来るの
明日来るかな
いつ来ますか。
これは本\uff1f
你好吗
ماذا قلت؟""".splitlines()
STATEMENTS = """\
I like planning
What a beautiful day!
When I was young, I knew
See https://example.org/?q=what
`is it?`
a?b:c
How nice!
Wo ich wohne, ist es schön
Das ist ein Buch.
Keine Motte, nur ein verbogenes Blech.
Je suis là
Dis-nous tout
Quand je serai grand, je serai pilote
Gracias a todos
¡Como siempre, gracias!
Obrigado pela ajuda
Como sempre, obrigado
今日は暑いですね
いつもありがとう
何もない
どうもありがとう
本とか
ok""".splitlines()


@pytest.mark.parametrize(("text", "name"), NAMED)
def test_a_name_is_found_as_a_word(text: str, name: str) -> None:
    assert names(text, name)


@pytest.mark.parametrize(("text", "name"), NOT_NAMED)
def test_a_name_within_another_word_is_none(text: str, name: str) -> None:
    assert not names(text, name)


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_is_recognised(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_is_no_question(text: str) -> None:
    assert not is_question(text)


@pytest.mark.parametrize(
    "piece", ["a", "what ", "x-", "und ", "tu ", "é ", "a, ", "何か", "a@", ".", "`", "x:", "-", "hallo ann "]
)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 16_000)[:16_000]
    began = time.process_time()

    is_question(text)
    names(text, "Ann", "Ann of Green Gables")

    assert time.process_time() - began < 1.0, "the time grows with the square of the length"


def test_nobody_answers_themselves_or_what_is_gone() -> None:
    ann = an_agent("Ann", room_policy=Policy.ALWAYS)
    own = a_message(ROOM, 1, ann.participant, "Ann?")
    gone = a_message(ROOM, 2, ADA, "", deleted_at=own.created_at)

    assert [wants(policy, message, ann) for policy in Policy for message in (own, gone)] == [False] * 12


def test_dice_belong_to_the_agent_and_the_message() -> None:
    ann, bob = an_agent("Ann"), an_agent("Bob")
    messages = [a_message(ROOM, offset, ADA) for offset in range(1, 400)]

    thrown = [dice(ann.id, each) for each in messages]

    assert thrown == [dice(ann.id, each) for each in messages]
    assert thrown != [dice(bob.id, each) for each in messages]
    assert 0.35 < sum(each < 0.5 for each in thrown) / len(thrown) < 0.65


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ("Ann: hello", "hello"),
        (" ann : hello", "hello"),
        ("**Ann:** hello", "hello"),
        ("**Ann**: hello", "hello"),
        ("[Ann]: hello", "hello"),
        ("@Ann: hello", "hello"),
        ("Ann\uff1ahello", "hello"),
        ("Ann of Green Gables: hello", "hello"),
        ("Note: this matters", "Note: this matters"),
        ("https://example.org", "https://example.org"),
        ("Anna: hello", "Anna: hello"),
        ("Ann is my name", "Ann is my name"),
        ("Ann", "Ann"),
        ("Ann:", ""),
        ("hello Ann: you", "hello Ann: you"),
        ("Ann: *really*", "*really*"),
        ("", ""),
        ("*emphasis* first", "*emphasis* first"),
    ],
)
def test_only_the_agents_own_name_is_taken_from_the_beginning(said: str, cleaned: str) -> None:
    for size in (1, 2, 3, 100):
        opening = Opening(["Ann", "Ann of Green Gables"])

        pieces = [opening.take(said[start : start + size]) for start in range(0, len(said), size)]

        assert "".join(pieces) + opening.end() == cleaned


@given(st.text(max_size=40), st.integers(1, 5))
def test_cleaning_does_not_depend_on_how_a_text_comes(text: str, size: int) -> None:
    whole, parts = Opening(["Ann"]), Opening(["Ann"])

    pieces = [parts.take(text[start : start + size]) for start in range(0, len(text), size)]

    assert "".join(pieces) + parts.end() == whole.take(text) + whole.end()


@given(st.lists(st.text(max_size=200), min_size=1, max_size=20), st.integers(0, 300))
def test_a_window_holds_the_newest_messages_that_fit(texts: list[str], budget: int) -> None:
    newest_first = [a_message(ROOM, len(texts) - index, ADA, text) for index, text in enumerate(texts)]

    kept = fitting(newest_first, budget)

    assert kept == list(reversed(newest_first[: len(kept)]))
    assert len(kept) >= 1
    assert len(kept) == 1 or sum(tokens(each.text) + 8 for each in kept) <= budget


def test_deleted_messages_are_not_shown() -> None:
    here: list[Message] = [
        a_message(ROOM, 1, ADA),
        a_message(ROOM, 2, ADA, "", deleted_at=a_message(ROOM, 2, ADA).created_at),
    ]

    assert fitting(reversed(here), 100) == here[:1]
