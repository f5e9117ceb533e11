"""What no passkey does: Web Authentication sections 7.1 and 7.2, each check by an answer that is right but for one thing."""

import json

import pytest
from passkeys import (
    OTHER,
    OTHER_PASSWORD,
    SIGN_IN,
    Forger,
    Holder,
    add_person,
    client_data,
    handle,
    passkey_service,
    plain,
    tampered,
)
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = passkey_service(tmp_path_factory.mktemp("passkeys"))
    add_person(service)
    yield service
    service.kill()


@pytest.fixture(scope="module")
def ada(chromium, service):
    window = Holder(chromium, service)
    window.signed_up()
    yield window
    window.close()


@pytest.fixture(scope="module")
def bob(chromium, service):
    window = Holder(chromium, service)
    window.signed_up(OTHER, OTHER_PASSWORD, "tablet")
    yield window
    window.close()


@pytest.fixture(autouse=True)
def errors_of_the_console_are_expected(ada, bob):
    yield
    for window in (ada, bob):
        window.forgive(401, 403, 404, 422, "ERR_FAILED")


def held_sign_in(window):
    window.leave()
    with window.held("/sign-in/passkey") as form:
        window.by_passkey()
    return form


def refused(window, form, status, words, path="/sign-in/passkey"):
    answer = window.send(path, form)
    assert answer.status == status and words in answer.text(), (answer.status, answer.text())
    window.is_out()


def test_an_answer_that_is_not_touched_signs_in(ada):
    answer = ada.send("/sign-in/passkey", held_sign_in(ada))
    assert answer.status == 303 and answer.headers["location"] == "/account/security"


def test_an_answer_is_good_once(ada):
    form = held_sign_in(ada)
    cookies = ada.context.cookies()
    assert ada.send("/sign-in/passkey", form).status == 303
    refused(ada.leave(), form, 403, "out of date")
    ada.leave().context.add_cookies(cookies)
    refused(ada, form, 401, "over")


def test_a_wrong_answer_uses_the_challenge_up_too(ada):
    form = held_sign_in(ada)
    cookies = ada.context.cookies()
    refused(ada, form | {"credential": "{}"}, 401, "was not right")
    ada.leave().context.add_cookies(cookies)
    refused(ada, form, 401, "over")


def test_an_answer_is_not_good_for_another_challenge(ada):
    old, new = held_sign_in(ada), held_sign_in(ada)
    refused(ada, new | {"credential": old["credential"]}, 401, "was not right")


def test_an_answer_is_not_good_in_another_browser(ada, bob):
    form, other = held_sign_in(ada), held_sign_in(bob)
    refused(bob, other | {"ceremony": form["ceremony"], "credential": form["credential"]}, 403, "another browser")
    refused(bob, other | {"credential": form["credential"]}, 401, "was not right")


def test_what_a_forger_signs_with_the_right_key_is_accepted(ada):
    """So that what is refused below is refused for what it says, and not for its signature."""
    form = held_sign_in(ada)
    assert ada.send("/sign-in/passkey", tampered(form, Forger(ada).sign())).status == 303


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"said": {"origin": "https://evil.example"}}, "was not right"),
        ({"said": {"origin": "http://localhost:1"}}, "was not right"),
        ({"said": {"origin": "http://sub.localhost"}}, "was not right"),
        ({"said": {"type": "webauthn.create"}}, "was not right"),
        ({"said": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, "was not right"),
        ({"said": {"crossOrigin": True}}, "was not right"),
        ({"rp_id": "evil.example"}, "was not right"),
        ({"flags": 0x01}, "did not check who you are"),
        ({"flags": 0x04}, "was not right"),
        ({"counter": 1}, "seems to have been copied"),
        ({"key": "another"}, "was not right"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_one_thing_is_wrong_and_the_signature_is_right(ada, change, words):
    form = held_sign_in(ada)
    refused(ada, tampered(form, Forger(ada).sign(**change)), 401, words)


def test_what_is_signed_cannot_be_changed(ada):
    form = held_sign_in(ada)
    refused(ada, tampered(form, client_data(androidPackageName="x")), 401, "was not right")


def test_another_persons_user_handle_does_not_make_one_that_person(ada, bob, service):
    form = held_sign_in(bob)
    theirs = handle(ada)
    refused(
        bob,
        tampered(form, lambda credential: credential["response"].update(userHandle=theirs)),
        401,
        "is not known here",
    )


def test_another_persons_passkey_is_not_signed_with_ones_own_key(ada, bob):
    form = held_sign_in(bob)
    (key,) = ada.keys()

    def change(credential):
        credential |= {"id": plain(key["credentialId"]), "rawId": plain(key["credentialId"])}
        credential["response"]["userHandle"] = handle(ada)

    refused(bob, tampered(form, change), 401, "was not right")


@pytest.mark.parametrize("said", [None, "", "AAAA", "x" * 5000])
def test_whoever_does_not_say_who_he_is_stays_out(ada, said):
    form = held_sign_in(ada)
    change = lambda credential: credential["response"].update(userHandle=said)
    answer = ada.send("/sign-in/passkey", tampered(form, change))
    assert answer.status == 401, answer.text()


@pytest.mark.parametrize("credential", ["", "null", "[]", "{", '{"id":1}', "\u2028", "[" * 10_000])
def test_what_no_browser_says_is_refused(ada, credential):
    refused(ada, held_sign_in(ada) | {"credential": credential}, 401, "was not right")


def test_a_form_of_another_site_is_refused(ada):
    form = held_sign_in(ada)
    for path in ["/sign-in/passkey", "/sign-in/passkey/options", "/account/passkeys/options"]:
        assert ada.send(path, form, origin="https://evil.example").status == 403
        assert ada.send(path, form, origin="null").status == 403
    refused(ada, form | {"csrf": ""}, 403, "out of date")
    refused(ada, {name: text for name, text in form.items() if name != "csrf"}, 403, "out of date")
    assert ada.send("/sign-in/passkey", form).status == 303, "and none of it has used it up"


def test_a_body_is_bounded(ada):
    form = held_sign_in(ada)
    assert ada.send("/sign-in/passkey", form | {"credential": "x" * 70_000}).status == 413


def test_a_device_that_does_not_verify_its_owner_is_of_no_use(ada):
    ada.leave().tell("setUserVerified", isUserVerified=False)
    ada.by_passkey()
    expect(ada.page.get_by_text("Nothing was done")).to_be_visible()
    ada.is_out()
    ada.tell("setUserVerified", isUserVerified=True)


def test_a_disabled_account_stays_out(bob, service):
    form = held_sign_in(bob)
    service.command("user", "disable", OTHER)
    refused(bob, form, 403, "switched off")
    bob.by_passkey()
    expect(bob.page.get_by_text("This account has been switched off")).to_be_visible()
    bob.is_out()
    service.command("user", "disable", OTHER, "--undo")
    bob.leave().by_passkey()
    bob.is_in(OTHER)


def test_the_second_factor_is_of_the_person_who_passed_the_first(ada, bob, service):
    ada.leave().by_passkey()
    ada.is_in()
    ada.page.get_by_role("button", name="Ask for a passkey after every other sign-in").click()
    ada.leave().password()
    step = ada.page.url.partition("step=")[2]
    path = "/sign-in/second-factor/passkey"
    ada.page.goto(f"{service.issuer}{path}?step={step}")
    with ada.held(path) as form:
        ada.page.get_by_role("button", name="Use a passkey").click()
    # Neither what bob signs for this challenge, nor an answer that was meant for signing in.
    refused(ada, tampered(form, Forger(bob).sign()), 401, "is not known here", path)
    with ada.held(path) as form:
        ada.page.goto(f"{service.issuer}{path}?step={step}")
        ada.page.get_by_role("button", name="Use a passkey").click()
    cookies = ada.step_cookies()
    other = held_sign_in(ada)
    ada.context.add_cookies(cookies)
    refused(ada, form | {name: other[name] for name in ["ceremony", "credential"]}, 401, "something else", path)
    # Nor is the second factor's answer a sign-in.
    refused(ada, other | {name: form[name] for name in ["ceremony", "credential"]}, 401, "something else")
    ada.context.add_cookies(cookies)
    assert ada.send(path, form).headers["location"] == "/account/security"
    assert ada.send(path, form).status == 403, "the step is over"


def test_another_persons_passkey_cannot_be_changed(ada, bob, service):
    bob.leave().by_passkey()
    bob.is_in(OTHER)
    theirs = plain(ada.keys()[0]["credentialId"])
    fields = dict.fromkeys(["name"], "mine")
    for action in ["rename", "remove"]:
        csrf = bob.page.locator(f"form[action$='{action}'] [name=csrf]").first.get_attribute("value")
        for key in [theirs, "nobody", ""]:
            answer = bob.send(f"/account/passkeys/{action}", fields | {"csrf": csrf, "passkey": key})
            assert answer.status == 404 and "There is no such passkey" in answer.text(), answer.text()
        assert bob.send(f"/account/passkeys/{action}", fields | {"passkey": theirs}).status == 403
    ada.leave().by_passkey()
    ada.is_in()
    expect(ada.page.get_by_text("phone", exact=True)).to_be_visible()


def test_nobody_is_asked_who_is_not_signed_in(ada):
    ada.leave()
    for path in ["", "/options", "/rename", "/remove", "/required"]:
        answer = ada.send(f"/account/passkeys{path}", {"name": "x"})
        assert answer.status == 303 and answer.headers["location"] == "/sign-in?to=security", path


REGISTRATIONS = [
    {"origin": "https://evil.example"},
    {"origin": "http://localhost:1"},
    {"type": "webauthn.get"},
    {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"crossOrigin": True},
]


@pytest.mark.parametrize("said", REGISTRATIONS, ids=json.dumps)
def test_a_new_passkey_is_made_here_and_now(bob, said):
    """Nobody signs a new passkey that comes without attestation: only what it says is wrong."""
    form = held_registration(bob)
    answer = bob.send("/account/passkeys", tampered(form, client_data(**said)))
    assert answer.status == 422 and "was not right" in answer.text()
    bob.open_passkeys()
    expect(bob.page.get_by_text("second", exact=True)).to_have_count(0)


def test_a_new_passkey_is_bound_to_the_session_in_which_it_was_begun(ada, bob):
    form = held_registration(bob)
    cookies = bob.step_cookies()
    ada.leave().by_passkey()
    ada.is_in()
    ada.context.add_cookies(cookies)
    csrf = ada.page.locator("form[data-passkey] [name=csrf]").get_attribute("value")
    answer = ada.send("/account/passkeys", form | {"csrf": csrf})
    assert answer.status == 422 and "something else" in answer.text()
    # Nor to another session of the same person.
    bob.by_passkey()
    bob.is_in(OTHER)
    bob.context.add_cookies(cookies)
    csrf = bob.page.locator("form[data-passkey] [name=csrf]").get_attribute("value")
    answer = bob.send("/account/passkeys", form | {"csrf": csrf})
    assert answer.status == 422 and "something else" in answer.text()


def held_registration(window):
    window.leave().by_passkey()
    window.is_in(OTHER)
    device, window.device = window.device, window.add_device(transport="usb")
    window.tell("setUserVerified", isUserVerified=True)
    with window.held("/account/passkeys") as form:
        window.add("second")
    window.tell("removeVirtualAuthenticator")
    window.device = device
    return form


def test_the_button_says_so_where_there_is_no_web_authentication(chromium, service):
    window = Holder(chromium, service)
    window.page.add_init_script("delete window.PublicKeyCredential")
    window.page.goto(f"{service.issuer}/sign-in?to=account")
    expect(window.page.get_by_text("This browser cannot use passkeys")).to_be_visible()
    expect(window.page.get_by_role("button", name=SIGN_IN)).to_have_count(0)
    window.close()
