"""The contract of REST, sentence by sentence, as its users see it: a server process, HTTP and nothing else."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from uuid import UUID

import pytest

from tests.support.outside import PASSWORD, Answer, Outsider, command, unused
from tests.support.server import GatheringServer

USER = {
    "id",
    "email",
    "username",
    "display_name",
    "language",
    "status",
    "role",
    "active",
    "weekly_messages",
    "created_at",
}
ROOM = {
    *("id", "name", "description", "visibility", "capacity", "language", "translation", "slow_mode_seconds"),
    *("glossary", "formality", "created_by", "created_at", "archived_at"),
}
MESSAGE = {
    *("id", "timeline_id", "offset", "author", "text", "language", "reply_to", "client_id"),
    *("created_at", "edited_at", "deleted_at", "reactions", "mentions"),
}
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
NO_ONE = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('contract')}/gathering.db"


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[GatheringServer]:
    with GatheringServer(database) as server:
        yield server


@pytest.fixture
def nobody(server: GatheringServer) -> Outsider:
    return Outsider(server)


@pytest.fixture
def ada(server: GatheringServer) -> Outsider:
    return Outsider.register(server, "Ada")


@pytest.fixture
def bob(server: GatheringServer) -> Outsider:
    return Outsider.register(server, "bob")


@pytest.fixture(scope="module")
def root(server: GatheringServer, database: str) -> Outsider:
    made = command(
        *("user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin"),
        *("--database-url", database),
        said=f"{PASSWORD}\n",
        argon2_memory_kib=8,
    )
    assert made.returncode == 0, made.stderr
    return Outsider.sign_in(server, "root")


# -- accounts ----------------------------------------------------------------------------------------------------------


def test_registering_answers_201_and_the_user(nobody: Outsider) -> None:
    name = unused("eve")
    person = {"email": f"{name}@Example.org", "username": name, "password": PASSWORD, "language": "pt-BR"}

    answer = nobody.post("/auth/register", person)

    assert answer.status == 201
    assert answer.body.keys() == USER
    assert answer.body["username"] == name
    assert answer.body["language"] == "pt-BR"
    assert UUID(answer.body["id"]).version == 7
    assert RFC_3339_UTC.fullmatch(answer.body["created_at"])


def test_a_name_as_long_as_a_uuid_behind_a_word_can_register(nobody: Outsider) -> None:
    name = f"alice-{UUID(int=int(time.time_ns()))}"

    answer = nobody.post("/auth/register", {"email": f"{name}@example.org", "username": name, "password": PASSWORD})

    assert answer.status == 201


@pytest.mark.parametrize("taken", ["email", "username"])
def test_an_email_or_username_that_is_taken_in_any_case_is_a_conflict(
    nobody: Outsider, ada: Outsider, taken: str
) -> None:
    name = unused("eve")
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}

    answer = nobody.post("/auth/register", person | {taken: ada.user[taken].upper()})

    assert answer.problem == (409, "conflict")


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_the_login_is_the_username_or_the_email_in_any_case(nobody: Outsider, ada: Outsider, change: type[str]) -> None:
    for field in ("username", "email"):
        answer = nobody.post("/auth/login", {"login": change(ada.user[field]), "password": PASSWORD})

        assert answer.status == 200
        assert answer.body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "user"}
        assert answer.body["token_type"] == "Bearer"
        assert answer.body["expires_in"] == 900
        assert answer.body["user"] == ada.user


def test_a_wrong_login_and_a_wrong_password_are_told_apart_by_nobody(nobody: Outsider, ada: Outsider) -> None:
    wrong_name = nobody.post("/auth/login", {"login": unused("nobody"), "password": PASSWORD})
    wrong_password = nobody.post("/auth/login", {"login": ada.user["username"], "password": "something else"})

    assert wrong_name.problem == wrong_password.problem == (401, "unauthenticated")
    assert wrong_name.body["detail"] == wrong_password.body["detail"]


def sign_in(nobody: Outsider, who: Outsider) -> dict[str, str]:
    return dict(nobody.post("/auth/login", {"login": who.user["username"], "password": PASSWORD}).body)


def test_a_rotated_refresh_token_that_comes_back_revokes_its_family_and_no_other(
    server: GatheringServer, nobody: Outsider, ada: Outsider
) -> None:
    first = sign_in(nobody, ada)
    second = nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]}).body

    reused = nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})

    assert second["refresh_token"] != first["refresh_token"]
    assert reused.problem == (401, "unauthenticated")
    assert nobody.post("/auth/refresh", {"refresh_token": second["refresh_token"]}).status == 401
    assert Outsider(server, second["access_token"]).get("/me").status == 401
    assert ada.get("/me").status == 200


def test_four_devices_that_refresh_the_same_token_at_once_all_go_on(nobody: Outsider, ada: Outsider) -> None:
    body = {"refresh_token": sign_in(nobody, ada)["refresh_token"]}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: nobody.post("/auth/refresh", body), range(4)))

    assert [answer.status for answer in answers] == [200] * 4
    assert nobody.post("/auth/refresh", {"refresh_token": answers[0].body["refresh_token"]}).status == 200


def test_neither_token_does_the_work_of_the_other(server: GatheringServer, nobody: Outsider, ada: Outsider) -> None:
    tokens = sign_in(nobody, ada)

    assert Outsider(server, tokens["refresh_token"]).get("/me").problem == (401, "unauthenticated")
    assert nobody.post("/auth/refresh", {"refresh_token": tokens["access_token"]}).problem == (401, "unauthenticated")


@pytest.mark.parametrize("by", ["bearer", "refresh token", "both"])
def test_logging_out_answers_204_and_revokes_the_family(
    server: GatheringServer, nobody: Outsider, ada: Outsider, by: str
) -> None:
    tokens = sign_in(nobody, ada)
    here = Outsider(server, tokens["access_token"] if by != "refresh token" else "")

    answer = here.post("/auth/logout", None if by == "bearer" else {"refresh_token": tokens["refresh_token"]})

    assert answer.status == 204
    assert nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status == 401
    assert Outsider(server, tokens["access_token"]).get("/me").status == 401
    assert ada.get("/me").status == 200


def part(data: object) -> str:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def forged(user_id: str, **header: str) -> str:
    """A token of the usual form that this server has not signed."""
    claims = {"sub": user_id, "typ": "access", "fam": NO_ONE, "iat": int(time.time()), "exp": int(time.time()) + 900}
    signed = f"{part({'typ': 'JWT', **header})}.{part(claims)}"
    signature = hmac.new(b"another key", signed.encode(), hashlib.sha256).digest() if header["alg"] != "none" else b""
    return f"{signed}.{part(signature)}"


@pytest.mark.parametrize(
    "header",
    [
        *("Bearer", "Bearer ", "Bearer a b", "Bearer a.b.c", "Basic YWRhOnB3", "Token x", "x", ""),
        *(f"Bearer {'x' * 20_000}", "Bearer \xff\xfe"),
        *(f"Bearer {forged(NO_ONE, alg=alg)}" for alg in ("none", "HS256", "RS256")),
    ],
)
def test_whatever_is_no_token_of_ours_is_unauthenticated(nobody: Outsider, header: str) -> None:
    answer = nobody.call("GET", "/me", headers={"Authorization": header})

    assert answer.problem == (401, "unauthenticated")


def test_the_profile_is_changed_field_by_field_and_the_token_stays_good(ada: Outsider) -> None:
    changed = ada.patch("/me", {"display_name": "Ada L.", "language": "de", "status": "busy"})

    assert changed.status == 200
    assert changed.body == ada.user | {"display_name": "Ada L.", "language": "de", "status": "busy"}
    assert ada.get("/me").body == changed.body


@pytest.mark.parametrize(
    "body", [{"status": "asleep"}, {"language": "english"}, {"username": "root"}, {"role": "admin"}, {"status": None}]
)
def test_what_a_profile_cannot_hold_is_refused_by_name(ada: Outsider, body: dict[str, object]) -> None:
    answer = ada.patch("/me", body)

    assert answer.problem == (422, "invalid_request")
    assert answer.body["errors"][0]["path"] == next(iter(body))
    assert ada.get("/me").body == ada.user


def test_people_are_found_by_the_beginning_of_their_username_without_their_email(ada: Outsider, bob: Outsider) -> None:
    found = bob.get(f"/users?query={ada.user['username'].lower()}")

    (seen,) = found.body["items"]
    assert found.body.keys() == {"items", "next"}
    assert seen == bob.get(f"/users/{ada.id}").body
    assert seen["username"] == ada.user["username"]
    assert "email" not in seen


@pytest.mark.parametrize("path", ["/users/{}", "/rooms/{}", "/rooms/{}/members", "/rooms/{}/messages"])
@pytest.mark.parametrize("unknown", [NO_ONE, "7", "null", "%00", "..", "%F0%9F%98%80"])
def test_what_does_not_exist_is_not_found_whatever_its_id_looks_like(ada: Outsider, path: str, unknown: str) -> None:
    assert ada.get(path.format(unknown)).problem == (404, "not_found")


# -- browsers ----------------------------------------------------------------------------------------------------------


def cookies_of(answer: Answer) -> SimpleCookie:
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_all("Set-Cookie", []):
        jar.load(line)
    return jar


def test_a_browser_lives_on_cookies_and_shows_the_csrf_token_when_it_changes_something(
    nobody: Outsider, ada: Outsider
) -> None:
    credentials = {"login": ada.user["username"], "password": PASSWORD}
    jar = cookies_of(nobody.post("/auth/login?cookies=true", credentials))
    csrf = jar["csrf_token"]
    secret = [cookie for cookie in jar.values() if cookie.key != "csrf_token"]
    cookie = {"Cookie": "; ".join(f"{each.key}={each.value}" for each in jar.values())}
    shown = cookie | {"X-CSRF-Token": csrf.value}

    assert not csrf["httponly"]
    assert len(secret) == 2
    assert all(each["httponly"] for each in secret)
    assert nobody.call("GET", "/me", headers=cookie).status == 200
    assert nobody.call("PATCH", "/me", {"status": "away"}, headers=cookie).problem == (403, "csrf_failed")
    wrong = cookie | {"X-CSRF-Token": "wrong"}
    assert nobody.call("PATCH", "/me", {"status": "away"}, headers=wrong).problem == (403, "csrf_failed")
    assert nobody.call("PATCH", "/me", {"status": "away"}, headers=shown).status == 200
    assert nobody.call("POST", "/auth/refresh", headers=cookie).problem == (403, "csrf_failed")
    refreshed = nobody.call("POST", "/auth/refresh?cookies=true", headers=shown)
    assert refreshed.status == 200
    assert cookies_of(refreshed).keys() == jar.keys()


def test_a_browser_whose_access_cookie_has_expired_can_still_sign_out(nobody: Outsider, ada: Outsider) -> None:
    credentials = {"login": ada.user["username"], "password": PASSWORD}
    jar = cookies_of(nobody.post("/auth/login?cookies=true", credentials))
    left = {"Cookie": "; ".join(f"{each.key}={each.value}" for each in jar.values() if each.key != "access_token")}

    without_proof = nobody.call("POST", "/auth/logout", headers=left)
    answer = nobody.call("POST", "/auth/logout", headers=left | {"X-CSRF-Token": jar["csrf_token"].value})

    assert without_proof.problem == (403, "csrf_failed")
    assert answer.status == 204
    assert nobody.post("/auth/refresh", {"refresh_token": jar["refresh_token"].value}).status == 401


# -- administration ----------------------------------------------------------------------------------------------------


def test_a_deactivated_person_is_refused_at_once_and_a_reactivated_one_signs_in_again(
    server: GatheringServer, nobody: Outsider, ada: Outsider, root: Outsider
) -> None:
    tokens = sign_in(nobody, ada)

    deactivated = root.patch(f"/admin/users/{ada.id}", {"active": False})

    assert deactivated.status == 200
    assert ada.get("/me").problem == (401, "unauthenticated")
    assert nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status == 401
    assert nobody.post("/auth/login", {"login": ada.user["username"], "password": PASSWORD}).status == 401
    assert root.patch(f"/admin/users/{ada.id}", {"active": True}).status == 200
    assert Outsider.sign_in(server, ada.user["username"]).get("/me").status == 200


def test_administration_is_for_administrators(ada: Outsider, root: Outsider) -> None:
    assert ada.patch(f"/admin/users/{ada.id}", {"role": "admin"}).problem == (403, "forbidden")
    assert root.patch(f"/admin/users/{ada.id}", {"role": "admin"}).body["role"] == "admin"
    assert root.patch(f"/admin/users/{NO_ONE}", {"active": False}).problem == (404, "not_found")


# -- rooms -------------------------------------------------------------------------------------------------------------


def test_a_room_is_created_with_what_was_asked_for_and_defaults_for_the_rest(ada: Outsider) -> None:
    asked = {
        "name": unused("Tea"),
        "description": "A quiet place",
        "visibility": "private",
        "capacity": 5,
        "language": "de",
        "translation": False,
        "slow_mode_seconds": 0,
        "formality": "more",
    }

    full, short = ada.post("/rooms", asked), ada.post("/rooms", {"name": "Tea"})

    assert full.status == short.status == 201
    assert full.body.keys() == short.body.keys() == ROOM
    assert full.body.items() >= asked.items()
    assert full.body["created_by"] == ada.id
    assert (short.body["visibility"], short.body["capacity"], short.body["archived_at"]) == ("public", None, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "   "},
        {"name": 7},
        {"name": "a\0b"},
        {"name": "x", "capacity": 0},
        {"name": "x", "capacity": "3"},
        {"name": "x", "visibility": "secret"},
        {"name": "x", "colour": "red"},
        [],
        "x",
        None,
    ],
)
def test_a_room_that_cannot_be_is_refused(ada: Outsider, body: object) -> None:
    answer = ada.call("POST", "/rooms", raw=json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    assert answer.problem == (422, "invalid_request")


def test_an_outsider_sees_a_public_room_and_reads_it_after_joining(ada: Outsider, bob: Outsider) -> None:
    room = ada.room()

    assert bob.get(f"/rooms/{room}").status == 200
    for refused in (bob.get(f"/rooms/{room}/messages"), bob.post(f"/rooms/{room}/messages", {"text": "x"})):
        assert refused.problem == (403, "forbidden")
    assert bob.post(f"/rooms/{room}/join").status == 200
    assert bob.get(f"/rooms/{room}/messages").body == {"items": [], "next_before": None}


def test_a_private_room_is_not_there_for_outsiders_and_is_for_those_who_were_added(
    ada: Outsider, bob: Outsider
) -> None:
    name = unused("Hideout")
    room = ada.room(name=name, visibility="private")

    for method, path in (("GET", ""), ("POST", "/join"), ("GET", "/members"), ("GET", "/messages"), ("DELETE", "")):
        assert bob.call(method, f"/rooms/{room}{path}").problem == (404, "not_found")
    assert bob.get(f"/rooms?query={name}").body["items"] == []
    assert ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "member"}).status == 200
    assert [each["id"] for each in bob.get(f"/rooms?query={name}").body["items"]] == [room]


def test_joining_leaving_and_adding_twice_is_fine_and_so_is_coming_back(ada: Outsider, bob: Outsider) -> None:
    room = ada.room()
    events = f"/rooms/{room}/events?since=0"

    joins = [bob.post(f"/rooms/{room}/join").status for _ in range(2)]
    leaves = [bob.post(f"/rooms/{room}/leave").status for _ in range(2)]
    adds = [ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "member"}).status for _ in range(2)]

    assert (joins, leaves, adds) == ([200, 200], [204, 204], [200, 200])
    kinds = [event["type"] for event in ada.get(events).body["items"]]
    assert kinds == ["member.joined", "member.joined", "member.left", "member.joined"]


def test_members_are_listed_with_their_roles_and_presence(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)

    promoted = ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})

    assert promoted.status == 200
    items = bob.get(f"/rooms/{room}/members").body["items"]
    assert [(each["participant"]["id"], each["role"]) for each in items] == [(ada.id, "owner"), (bob.id, "moderator")]
    assert all(each.keys() >= {"participant", "role", "presence"} for each in items)
    assert all(each["participant"].keys() == {"id", "kind", "name"} for each in items)


def test_a_member_may_not_do_what_owners_do(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)

    assert bob.put(f"/rooms/{room}/members/{bob.id}", {"role": "owner"}).problem == (403, "forbidden")
    assert bob.delete(f"/rooms/{room}/members/{ada.id}").problem == (403, "forbidden")
    assert bob.patch(f"/rooms/{room}", {"name": "Mine"}).problem == (403, "forbidden")
    assert bob.delete(f"/rooms/{room}").problem == (403, "forbidden")


def test_someone_removed_is_out_and_removing_them_again_is_not_found(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)

    assert ada.delete(f"/rooms/{room}/members/{bob.id}").status == 204
    assert ada.delete(f"/rooms/{room}/members/{bob.id}").problem == (404, "not_found")
    assert bob.get(f"/rooms/{room}/messages").problem == (403, "forbidden")


def test_a_room_never_holds_more_than_its_capacity(server: GatheringServer, ada: Outsider) -> None:
    room = ada.room(capacity=4)
    crowd = [Outsider.register(server) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: each.post(f"/rooms/{room}/join"), crowd))

    assert sorted(answer.status for answer in answers) == [200] * 3 + [409] * 5
    assert {answer.problem for answer in answers if answer.status == 409} == {(409, "room_full")}
    assert len(ada.get(f"/rooms/{room}/members").body["items"]) == 4


def test_an_archived_room_can_be_read_by_its_members_and_changed_by_nobody(ada: Outsider, bob: Outsider) -> None:
    name = unused("Attic")
    room = ada.room(bob, name=name)
    ada.say(room, "one for the road")

    assert ada.delete(f"/rooms/{room}").status == 204
    assert ada.get(f"/rooms/{room}").body["archived_at"]
    assert [each["text"] for each in bob.get(f"/rooms/{room}/messages").body["items"]] == ["one for the road"]
    assert bob.post(f"/rooms/{room}/messages", {"text": "x"}).problem == (409, "conflict")
    assert ada.patch(f"/rooms/{room}", {"name": "x"}).problem == (409, "conflict")
    assert ada.get(f"/rooms?query={name}").body["items"] == []
    assert ada.post("/rooms", {"name": name}).status == 201


def test_rooms_are_paged_by_the_cursor_that_each_page_names(ada: Outsider) -> None:
    name = unused("Corridor")
    rooms = [ada.room(name=f"{name} {number}") for number in range(5)]

    seen, after = [], ""
    while True:
        page = ada.get(f"/rooms?query={name}&limit=2{after}").body
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert seen == rooms


# -- messages ----------------------------------------------------------------------------------------------------------


def test_a_message_is_answered_whole(ada: Outsider) -> None:
    room = ada.room()
    first = ada.say(room, "Hello 👩‍👩‍👧‍👦", client_id="c-1", language="en")

    second = ada.say(room, "And again", reply_to=first["id"])

    assert first.keys() == second.keys() == MESSAGE
    assert first["timeline_id"] == room
    assert first["author"] == {"id": ada.id, "kind": "user", "name": ada.user["username"]}
    assert (first["text"], first["client_id"], first["language"]) == ("Hello 👩‍👩‍👧‍👦", "c-1", "en")
    assert (first["reply_to"], first["edited_at"], first["deleted_at"]) == (None, None, None)
    assert (first["reactions"], first["mentions"]) == ({}, [])
    assert (second["reply_to"], second["client_id"], second["offset"]) == (first["id"], None, first["offset"] + 1)


def test_a_repeated_client_id_is_answered_200_with_the_first_message(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)
    path, body = f"/rooms/{room}/messages", {"text": "once", "client_id": "c-1"}

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: ada.post(path, body), range(10)))

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert all(answer.body == answers[0].body for answer in answers)
    assert bob.post(path, body).status == 201  # his c-1 is another one


def test_a_message_holds_4000_characters_of_any_kind(ada: Outsider) -> None:
    room = ada.room()

    assert ada.say(room, "🎉" * 4000)["text"] == "🎉" * 4000
    assert ada.post(f"/rooms/{room}/messages", {"text": "x" * 4001}).problem == (422, "invalid_request")
    assert ada.post(f"/rooms/{room}/messages", {"text": "x" * 70_000}).problem == (413, "payload_too_large")


@pytest.mark.parametrize(
    "body",
    [
        *(
            {},
            {"text": ""},
            {"text": " \n "},
            {"text": "a\0b"},
            {"text": 5},
            {"text": None},
            {"text": "x", "bold": True},
        ),
        *({"text": "x", "client_id": ""}, {"text": "x", "reply_to": NO_ONE}, {"text": "x", "language": "klingon!"}),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_leaves_nothing(ada: Outsider, body: dict[str, object]) -> None:
    room = ada.room()

    assert ada.post(f"/rooms/{room}/messages", body).problem == (422, "invalid_request")
    assert ada.get(f"/rooms/{room}/messages").body["items"] == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"text":"\xff"}', b'{"text":"\\ud800"}', b"text=x", b"[" * 20_000])
def test_what_is_not_json_is_an_invalid_request(ada: Outsider, raw: bytes) -> None:
    answer = ada.call("POST", "/rooms", raw=raw, headers={"Content-Type": "application/json"})

    assert answer.problem in {(400, "invalid_request"), (422, "invalid_request")}


def test_messages_are_paged_newest_first_by_offset(ada: Outsider) -> None:
    room = ada.room()
    offsets = [ada.say(room, str(number))["offset"] for number in range(5)]

    def page(query: str) -> tuple[list[int], int | None]:
        body = ada.get(f"/rooms/{room}/messages?{query}").body
        assert body.keys() == {"items", "next_before"}
        return [each["offset"] for each in body["items"]], body["next_before"]

    newest, cursor = page("limit=2")
    older, second_cursor = page(f"limit=2&before={cursor}")
    oldest, end = page(f"limit=2&before={second_cursor}")
    assert newest + older + oldest == offsets[::-1]
    assert end is None
    assert page(f"after={offsets[1]}")[0] == offsets[:1:-1]
    assert page(f"after={offsets[0]}&before={offsets[3]}")[0] == [offsets[2], offsets[1]]


@pytest.mark.parametrize(
    "query", ["limit=101", "limit=0", "limit=x", "before=x", "before=-1", "colour=red", "language=!"]
)
@pytest.mark.parametrize("path", ["messages", "events"])
def test_a_page_that_cannot_be_is_refused(ada: Outsider, path: str, query: str) -> None:
    assert ada.get(f"/rooms/{ada.room()}/{path}?{query}").problem == (422, "invalid_request")


def test_a_message_is_edited_by_its_author_alone(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)
    message = ada.say(room, "frist")
    path = f"/rooms/{room}/messages/{message['id']}"

    assert bob.patch(path, {"text": "mine"}).problem == (403, "forbidden")
    edited = ada.patch(path, {"text": "first"})

    assert edited.status == 200
    assert edited.body["edited_at"]
    assert edited.body == message | {"text": "first", "edited_at": edited.body["edited_at"]} == bob.get(path).body


def test_a_deleted_message_is_nowhere_to_be_read(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)
    message = ada.say(room, "the secret", client_id="c-1")
    path = f"/rooms/{room}/messages/{message['id']}"
    ada.patch(path, {"text": "the secret, edited"})

    assert bob.delete(path).problem == (403, "forbidden")
    assert ada.delete(path).status == 204

    told = [
        bob.get(path),
        bob.get(f"/rooms/{room}/messages"),
        bob.get(f"/rooms/{room}/events?since=0"),
        bob.get(f"{path}/thread"),
        ada.get(f"{path}/versions"),
        bob.get(f"/rooms/{room}/search?q=secret"),
        bob.get("/search?q=secret"),
        bob.get("/me/notifications"),
        ada.get(f"/rooms/{room}/export?format=jsonl"),
        ada.post(f"/rooms/{room}/messages", {"text": "the secret", "client_id": "c-1"}),
    ]
    assert [each.status for each in told] == [200] * 10
    assert "secret" not in json.dumps([each.body for each in told])
    assert told[0].body["deleted_at"]
    assert ada.patch(path, {"text": "x"}).problem == (409, "conflict")
    assert ada.get(f"/rooms/{room}/messages/{NO_ONE}").problem == (404, "not_found")


def test_events_are_the_whole_story_in_order_each_with_offset_type_time_and_actor(ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)
    message = bob.say(room)
    bob.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "Hello!"})
    bob.delete(f"/rooms/{room}/messages/{message['id']}")
    ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})
    ada.patch(f"/rooms/{room}", {"name": "Coffee"})
    ada.delete(f"/rooms/{room}/members/{bob.id}")
    ada.delete(f"/rooms/{room}")

    events, since = [], 0
    while True:
        page = ada.get(f"/rooms/{room}/events?since={since}&limit=4").body
        assert page.keys() == {"items", "next"}
        events += page["items"]
        if page["next"] is None:
            break
        since = page["next"]

    assert [(event["type"], event["actor"]) for event in events] == [
        ("member.joined", ada.id),
        ("member.joined", bob.id),
        ("message.posted", bob.id),
        ("message.edited", bob.id),
        ("message.deleted", bob.id),
        ("member.role_changed", ada.id),
        ("room.updated", ada.id),
        ("member.removed", ada.id),
        ("room.archived", ada.id),
    ]
    assert [event["offset"] for event in events] == list(range(1, 10))
    assert all(RFC_3339_UTC.fullmatch(event["at"]) for event in events)


# -- the frame around it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/me", "/users?query=a", "/rooms", f"/rooms/{NO_ONE}", f"/rooms/{NO_ONE}/messages"])
def test_nothing_is_told_to_those_who_are_not_signed_in(nobody: Outsider, path: str) -> None:
    answer = nobody.get(path)

    assert answer.problem == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_unknown_fields_and_parameters_are_refused_where_none_are_taken_too(ada: Outsider) -> None:
    room = ada.room()

    assert ada.post(f"/rooms/{room}/join", {"as": "owner"}).problem == (422, "invalid_request")
    assert ada.post(f"/rooms/{room}/join", {}).status == 200
    assert ada.get("/me?colour=red").problem == (422, "invalid_request")
    assert ada.get("/rooms?query=a&query=b").problem == (422, "invalid_request")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_a_method_that_is_not_served_is_405_and_names_those_that_are(ada: Outsider, method: str) -> None:
    answer = ada.call(method, "/me")

    assert answer.problem[0] == 405
    assert {"GET", "PATCH"} <= set(answer.headers["Allow"].split(", "))


def test_a_request_is_known_by_the_id_that_its_problem_names(ada: Outsider) -> None:
    answer = ada.call("GET", "/nowhere", headers={"X-Request-ID": "mine-1"})

    assert answer.problem == (404, "not_found")
    assert answer.headers["X-Request-ID"] == answer.body["request_id"] == "mine-1"


def test_the_description_names_every_address_that_answers(nobody: Outsider) -> None:
    described = nobody.get("/openapi.json").body

    assert described["openapi"].startswith("3.1")
    assert {"/api/v1/auth/login", "/api/v1/me", "/api/v1/rooms/{room_id}/messages"} <= described["paths"].keys()
