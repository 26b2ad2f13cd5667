"""Accounts over HTTP, points 4 and 5 of what the predecessor got wrong among them."""

from http.cookies import Morsel

import pytest

from tests.support.rest import PASSWORD, Caller, Client, Person, sign_in

pytestmark = pytest.mark.anyio

REGISTRATION = {"email": "Ada@Example.org", "username": "Ada", "password": PASSWORD}


async def test_registering_answers_the_account_without_the_password(anyone: Caller) -> None:
    answer = await anyone.post("/auth/register", REGISTRATION | {"language": "de"})

    assert answer.status == 201
    assert answer.body["username"] == "Ada"
    assert answer.body["email"] == "ada@example.org"
    assert answer.body["language"] == "de"
    assert answer.body["role"] == "user"
    assert PASSWORD not in str(answer.body)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"email": "nobody"}, "email"),
        ({"username": "a b"}, "username"),
        ({"username": ""}, "username"),
        ({"password": "short"}, "password"),
        ({"language": "klingon!"}, "language"),
        ({"role": "admin"}, "role"),
    ],
)
async def test_a_registration_that_breaks_a_rule_names_the_field(
    anyone: Caller, change: dict[str, str], path: str
) -> None:
    answer = await anyone.post("/auth/register", REGISTRATION | change)

    assert (answer.status, answer.code, answer.paths) == (422, "invalid_request", [path])


@pytest.mark.parametrize("change", [{"email": "x@example.org", "username": "ADA"}, {"email": "ADA@example.org"}])
async def test_a_name_or_email_that_is_taken_in_any_case_is_a_conflict(
    anyone: Caller, ada: Person, change: dict[str, str]
) -> None:
    assert ada.username == "ada"

    answer = await anyone.post("/auth/register", {"username": "other", "password": PASSWORD} | change)

    assert (answer.status, answer.code) == (409, "conflict")


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@EXAMPLE.org"])
async def test_people_sign_in_with_email_or_username_in_any_case(client: Client, ada: Person, login: str) -> None:
    person = await sign_in(client, login)

    assert person.id == ada.id
    assert (await person.get("/me")).body["username"] == "ada"


async def test_a_wrong_password_and_an_unknown_login_are_answered_alike(anyone: Caller, ada: Person) -> None:
    wrong = await anyone.post("/auth/login", {"login": ada.username, "password": "wrong password"})
    unknown = await anyone.post("/auth/login", {"login": "nobody", "password": PASSWORD})

    assert (wrong.status, wrong.code, wrong.body["detail"]) == (unknown.status, unknown.code, unknown.body["detail"])
    assert (wrong.status, wrong.code) == (401, "unauthenticated")


async def test_a_refresh_token_is_exchanged_for_a_new_pair(anyone: Caller, ada: Person) -> None:
    answer = await anyone.post("/auth/refresh", {"refresh_token": ada.refresh_token})

    assert answer.status == 200
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["refresh_token"] != ada.refresh_token
    assert (await Caller(ada.client, answer.body["access_token"]).get("/me")).body["id"] == ada.id


async def test_using_a_rotated_refresh_token_ends_the_sign_in(anyone: Caller, ada: Person) -> None:
    first = await anyone.post("/auth/refresh", {"refresh_token": ada.refresh_token})

    again = await anyone.post("/auth/refresh", {"refresh_token": ada.refresh_token})
    successor = await anyone.post("/auth/refresh", {"refresh_token": first.body["refresh_token"]})

    assert (again.status, again.code) == (401, "unauthenticated")
    assert (successor.status, successor.code) == (401, "unauthenticated")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\u00e9"])
async def test_a_refresh_token_that_is_not_ours_is_refused(anyone: Caller, token: str) -> None:
    answer = await anyone.post("/auth/refresh", {"refresh_token": token})

    assert answer.status == 401


async def test_refreshing_without_a_token_names_what_is_missing(anyone: Caller) -> None:
    empty, without = await anyone.post("/auth/refresh"), await anyone.post("/auth/refresh", {})

    assert (empty.status, empty.paths) == (without.status, without.paths) == (422, ["refresh_token"])


async def test_a_refresh_token_never_works_as_an_access_token(ada: Person) -> None:
    answer = await Caller(ada.client, ada.refresh_token).get("/me")

    assert (answer.status, answer.code) == (401, "unauthenticated")


async def test_an_access_token_never_works_as_a_refresh_token(anyone: Caller, ada: Person) -> None:
    answer = await anyone.post("/auth/refresh", {"refresh_token": ada.token})

    assert (answer.status, answer.code) == (401, "unauthenticated")


async def test_logging_out_ends_both_tokens(anyone: Caller, ada: Person) -> None:
    answer = await ada.post("/auth/logout")

    assert answer.status == 204
    assert (await ada.get("/me")).status == 401
    assert (await anyone.post("/auth/refresh", {"refresh_token": ada.refresh_token})).status == 401


async def test_logging_out_leaves_the_other_devices_signed_in(client: Client, ada: Person) -> None:
    other_device = await sign_in(client, "ada")

    await ada.post("/auth/logout")

    assert (await other_device.get("/me")).status == 200


async def test_a_profile_is_changed_field_by_field(ada: Person) -> None:
    changed = await ada.patch("/me", {"display_name": "Ada Lovelace", "language": "fr"})
    cleared = await ada.patch("/me", {"display_name": None})

    assert (changed.status, changed.body["display_name"], changed.body["language"]) == (200, "Ada Lovelace", "fr")
    assert (cleared.body["display_name"], cleared.body["language"]) == (None, "fr")


@pytest.mark.parametrize("status", ["busy", "away", "available"])
async def test_a_status_change_is_answered_and_kept(ada: Person, status: str) -> None:
    answer = await ada.patch("/me", {"status": status})

    assert (answer.status, answer.body["status"]) == (200, status)
    assert (await ada.get("/me")).body["status"] == status


@pytest.mark.parametrize(
    ("change", "path"),
    [({"status": "asleep"}, "status"), ({"display_name": ""}, "display_name"), ({"username": "x"}, "username")],
)
async def test_a_profile_change_that_breaks_a_rule_names_the_field(
    ada: Person, change: dict[str, str], path: str
) -> None:
    answer = await ada.patch("/me", change)

    assert (answer.status, answer.paths) == (422, [path])


async def test_a_token_still_names_the_same_person_after_they_changed_their_name(ada: Person, eve: Person) -> None:
    await ada.patch("/me", {"display_name": "Someone else"})
    await eve.patch("/me", {"display_name": "ada"})

    assert (await ada.get("/me")).body["id"] == ada.id


async def test_others_see_a_person_without_their_email(ada: Person, bob: Person) -> None:
    answer = await bob.get(f"/users/{ada.id}")

    assert answer.body == {
        "id": ada.id,
        "kind": "user",
        "name": "ada",
        "username": "ada",
        "display_name": None,
        "status": "available",
    }


@pytest.mark.parametrize("user_id", ["7", "0190a000-0000-7000-8000-000000000000"])
async def test_a_person_who_does_not_exist_is_a_404(ada: Person, user_id: str) -> None:
    answer = await ada.get(f"/users/{user_id}")

    assert (answer.status, answer.code) == (404, "not_found")


async def test_people_are_found_by_the_beginning_of_their_name_page_by_page(
    ada: Person, bob: Person, anyone: Caller
) -> None:
    for name in ("bobby", "bo", "rob", "BOBO"):
        await anyone.post("/auth/register", {"email": f"{name}@x.org", "username": name, "password": PASSWORD})

    first = await ada.get("/users?query=bob&limit=2")
    second = await ada.get(f"/users?query=bob&limit=2&after={first.body['next']}")

    found = [person["username"] for person in first.body["items"] + second.body["items"]]
    assert sorted(found) == ["BOBO", bob.username, "bobby"]
    assert (len(first.body["items"]), second.body["next"]) == (2, None)


@pytest.mark.parametrize(
    ("query", "path"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("after=x", "after"), ("nmae=x", "nmae"), ("query=%00", "query")],
)
async def test_a_search_that_breaks_a_rule_names_the_parameter(ada: Person, query: str, path: str) -> None:
    answer = await ada.get(f"/users?{query}")

    assert (answer.status, answer.paths) == (422, [path])


async def test_wildcards_in_a_search_mean_themselves(ada: Person) -> None:
    answers = [await ada.get(f"/users?query={text}") for text in ("%25", "_", "a%25")]

    assert [answer.body["items"] for answer in answers] == [[], [], []]


async def test_nobody_reads_anything_without_signing_in(anyone: Caller, ada: Person) -> None:
    for path in ("/me", "/users", f"/users/{ada.id}", "/rooms"):
        answer = await anyone.get(path)

        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_deactivated_person_is_refused_at_once(anyone: Caller, root: Person, ada: Person) -> None:
    await root.patch(f"/admin/users/{ada.id}", {"active": False})

    read = await ada.get("/me")
    refreshed = await anyone.post("/auth/refresh", {"refresh_token": ada.refresh_token})
    signed_in = await anyone.post("/auth/login", {"login": "ada", "password": PASSWORD})

    assert [answer.status for answer in (read, refreshed, signed_in)] == [401, 401, 401]


async def browser_signs_in(anyone: Caller, username: str) -> dict[str, Morsel[str]]:
    answer = await anyone.post("/auth/login?cookies=true", {"login": username, "password": PASSWORD})
    assert answer.status == 200
    return {morsel.key: morsel for morsel in anyone.client.session.cookie_jar}


async def test_a_browser_gets_its_tokens_in_cookies_out_of_reach_of_scripts(anyone: Caller, ada: Person) -> None:
    cookies = await browser_signs_in(anyone, ada.username)

    assert cookies["access_token"]["httponly"]
    assert cookies["refresh_token"]["httponly"]
    assert cookies["refresh_token"]["path"] == "/api/v1/auth"
    assert not cookies["csrf_token"]["httponly"]
    assert {cookie["samesite"] for cookie in cookies.values()} == {"Lax"}
    assert not any(cookie["secure"] for cookie in cookies.values())


async def test_a_browser_is_answered_like_everyone_when_it_signs_in(anyone: Caller, ada: Person) -> None:
    plain = await anyone.post("/auth/login", {"login": "ada", "password": PASSWORD})
    with_cookies = await anyone.post("/auth/login?cookies=true", {"login": "ada", "password": PASSWORD})

    assert with_cookies.body.keys() == plain.body.keys()
    assert with_cookies.body["user"]["id"] == ada.id


async def test_what_a_cookie_is_exchanged_for_stays_in_cookies(anyone: Caller, ada: Person) -> None:
    cookies = await browser_signs_in(anyone, ada.username)

    answer = await anyone.call("POST", "/auth/refresh", headers={"X-CSRF-Token": cookies["csrf_token"].value})

    assert answer.status == 200
    assert not {"access_token", "refresh_token"} & answer.body.keys()


async def test_a_refresh_token_is_enough_to_sign_out(anyone: Caller, ada: Person) -> None:
    hers = await anyone.post("/auth/login", {"login": ada.username, "password": PASSWORD})

    answer = await anyone.post("/auth/logout", {"refresh_token": hers.body["refresh_token"]})
    again = await anyone.post("/auth/refresh", {"refresh_token": hers.body["refresh_token"]})
    made_up = await anyone.post("/auth/logout", {"refresh_token": "made up"})

    assert answer.status == 204
    assert again.status == 401
    assert made_up.status == 401


async def test_cookies_are_for_tls_only_unless_this_machine_was_asked_for(anyone: Caller, ada: Person) -> None:
    answer = await anyone.call(
        "POST",
        "/auth/login?cookies=true",
        {"login": ada.username, "password": PASSWORD},
        headers={"Host": "chat.example.org"},
    )

    assert all("Secure" in header for header in answer.headers.getall("Set-Cookie"))


async def test_another_sites_page_cannot_sign_a_browser_in(anyone: Caller, ada: Person) -> None:
    credentials = {"login": ada.username, "password": PASSWORD}

    for origin in ("https://evil.example.org", "null", "http://[", ""):
        answer = await anyone.call("POST", "/auth/login?cookies=true", credentials, headers={"Origin": origin})

        assert (answer.status, answer.code) == (403, "csrf_failed")


async def test_a_browser_changes_things_with_its_csrf_token(anyone: Caller, ada: Person) -> None:
    cookies = await browser_signs_in(anyone, ada.username)

    read = await anyone.get("/me")
    without = await anyone.patch("/me", {"status": "busy"})
    with_token = await anyone.call(
        "PATCH", "/me", {"status": "busy"}, headers={"X-CSRF-Token": cookies["csrf_token"].value}
    )

    assert read.status == 200
    assert (without.status, without.code) == (403, "csrf_failed")
    assert with_token.body["status"] == "busy"


async def test_a_browser_refreshes_with_its_cookie_and_gets_new_ones(anyone: Caller, ada: Person) -> None:
    before = await browser_signs_in(anyone, ada.username)

    without = await anyone.post("/auth/refresh")
    answer = await anyone.call("POST", "/auth/refresh", headers={"X-CSRF-Token": before["csrf_token"].value})

    after = {morsel.key: morsel.value for morsel in anyone.client.session.cookie_jar}
    assert (without.status, without.code) == (403, "csrf_failed")
    assert (answer.status, answer.body["user"]["id"]) == (200, ada.id)
    assert "refresh_token" not in answer.body
    assert after["refresh_token"] != before["refresh_token"].value
    assert (await anyone.get("/me")).status == 200


async def test_logging_out_takes_the_cookies_away(anyone: Caller, ada: Person) -> None:
    cookies = await browser_signs_in(anyone, ada.username)

    answer = await anyone.call("POST", "/auth/logout", headers={"X-CSRF-Token": cookies["csrf_token"].value})

    assert answer.status == 204
    assert [morsel.key for morsel in anyone.client.session.cookie_jar] == []
    assert (await anyone.get("/me")).status == 401
