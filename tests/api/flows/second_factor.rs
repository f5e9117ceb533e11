//! The second step of a sign-in: a code of an authenticator app, and no way around it.

use data_encoding::BASE32_NOPAD;
use mcp_oauthd::storage::events::{self, Event};
use mcp_oauthd::storage::users;

use super::account::{add, sign_in, signed_in};
use crate::support::{Browser, OAuthClient, PASSWORD, Page, TestServer, USER};

/// An authenticator app.
struct Phone(totp_rs::Totp);

impl Phone {
    /// Types the key that the page shows.
    fn set_up(page: &Page) -> Self {
        let key = page.text.split("<code class=\"secret\">").nth(1).unwrap();
        let key = key.split('<').next().unwrap().replace(' ', "");
        let secret = BASE32_NOPAD.decode(key.as_bytes()).unwrap();
        Self(totp_rs::Builder::new().with_secret(secret).build().unwrap())
    }

    fn code(&self, server: &TestServer) -> String {
        self.0.generate(u64::try_from(server.clock.now().0).unwrap()).to_string()
    }
}

/// The recovery codes of a page.
fn codes(page: &Page) -> Vec<String> {
    assert_eq!(page.status, 200, "{page:?}");
    let shown = page.text.split("<li><code>").skip(1);
    shown.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

/// Turns codes on; the app, and the recovery codes.
async fn enrol(server: &TestServer, browser: &Browser) -> (Phone, Vec<String>) {
    let form = browser.get("/account/totp").await;
    let phone = Phone::set_up(&form);
    let code = phone.code(server);
    let fields = [("csrf", &*form.csrf("/account/totp")), ("do", "on"), ("code", &*code)];
    let done = browser.post("/account/totp", &fields).await;
    server.advance(30);
    (phone, codes(&done))
}

/// Passes the first factor; the page of the second.
async fn first_factor(browser: &Browser) -> (String, Page) {
    let sent = sign_in(browser, USER, PASSWORD, "account").await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let place = sent.header("location").to_owned();
    assert!(place.starts_with("/sign-in/second-factor?step="), "{place}");
    let page = browser.get(&place).await;
    assert_eq!(page.status, 200, "{page:?}");
    (place, page)
}

async fn answer(browser: &Browser, form: &Page, name: &str, value: &str) -> Page {
    let (step, csrf) = (form.field("step"), form.field("csrf"));
    let fields = [("step", &*step), ("csrf", &*csrf), (name, value)];
    browser.post("/sign-in/second-factor", &fields).await
}

async fn count(server: &TestServer, kind: Event) -> usize {
    let all = server.storage.read(|conn| events::list(conn, 1000)).await.unwrap();
    all.iter().filter(|event| event.kind == kind).count()
}

#[tokio::test]
async fn a_code_is_asked_for_and_taken_once() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let form = ada.get("/account/totp").await;
    assert!(form.text.contains("<svg role=\"img\" aria-label=\"QR code"), "{form:?}");
    assert!(form.text.contains("otpauth://totp/127%2E0%2E0%2E1:ada?secret="));
    let csrf = form.csrf("/account/totp");
    let wrong = [("csrf", &*csrf), ("do", "on"), ("code", "000000")];
    let wrong = ada.post("/account/totp", &wrong).await;
    assert!(wrong.status == 422 && wrong.text.contains("code-problem"), "{wrong:?}");
    assert!(ada.get("/account/security").await.text.contains("No code is asked for"));
    let (phone, recovery) = enrol(&server, &ada).await;
    assert_eq!(recovery.len(), 10);
    assert!(ada.get("/account/security").await.text.contains("<bdi>10</bdi> recovery codes"));
    let browser = Browser::new(&server);
    let (place, form) = first_factor(&browser).await;
    let wrong = answer(&browser, &form, "code", "000000").await;
    assert!(wrong.status == 422 && wrong.text.contains("aria-invalid"), "{wrong:?}");
    let code = phone.code(&server);
    let passed = answer(&browser, &form, "code", &code).await;
    assert_eq!((passed.status, passed.header("location")), (303, "/account"), "{passed:?}");
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(browser.get(&place).await.status, 403, "the step is used up");
    assert_eq!(answer(&browser, &form, "code", &code).await.status, 403);
    let other = Browser::new(&server);
    let (_, form) = first_factor(&other).await;
    assert_eq!(answer(&other, &form, "code", &code).await.status, 422, "taken once");
    server.advance(30);
    assert_eq!(answer(&other, &form, "code", &phone.code(&server)).await.status, 303);
    assert_eq!(count(&server, Event::SecondFactorRefused).await, 2);
}

#[tokio::test]
async fn no_address_leads_around_the_second_factor() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let client = OAuthClient::register(&server).await;
    let (phone, _) = enrol(&server, &ada).await;
    // Somebody with the password, on the way to an app.
    let thief = Browser::new(&server);
    let form = thief.sign_in_form(&client.request()).await;
    let request = form.field("request");
    let sent = thief.send_password(&form, USER, PASSWORD).await;
    assert!(sent.header("location").starts_with("/sign-in/second-factor?step="), "{sent:?}");
    let step = sent.header("set-cookie").split(';').next().unwrap().to_owned();
    let form = thief.get(sent.header("location")).await;
    let (id, csrf) = (form.field("step"), form.field("csrf"));
    let fields = [
        ("step", &*id),
        ("csrf", &*csrf),
        ("request", &*request),
        ("decision", "allow"),
        ("grant", "all"),
        ("do", "off"),
        ("which", "all"),
        ("password", "another phrase"),
        ("current", PASSWORD),
    ];
    let consent = format!("/consent?request={request}");
    for path in [
        &*consent,
        "/account",
        "/account/disconnect?grant=all",
        "/account/security",
        "/account/password",
        "/account/sessions",
        "/account/totp",
        "/owner",
    ] {
        for page in
            [thief.get(path).await, thief.post(path.split('?').next().unwrap(), &fields).await]
        {
            let refused = page.header("location").starts_with("/sign-in?")
                || [404, 405].contains(&page.status);
            assert!(refused, "{path}: {page:?}");
        }
    }
    // The page for those who have no second factor.
    let other = format!("/sign-in/new-second-factor?step={id}");
    assert_eq!(thief.get(&other).await.status, 403);
    assert_eq!(thief.post("/sign-in/new-second-factor", &fields).await.status, 403);
    // The cookie of the step is none of a session, under whatever name.
    let secret = step.split_once('=').unwrap().1;
    let forged = Browser::with_cookie(&server, &format!("mcp_oauthd_session={secret}"));
    assert_eq!(forged.get("/account").await.status, 303);
    // The right code for a step of another browser.
    let stranger = Browser::new(&server);
    let code = phone.code(&server);
    assert_eq!(answer(&stranger, &form, "code", &code).await.status, 403);
    let fields = [("step", &*id), ("csrf", "forged"), ("code", &*code)];
    assert_eq!(thief.post("/sign-in/second-factor", &fields).await.status, 403);
    let passed = answer(&thief, &form, "code", &code).await;
    assert_eq!(passed.header("location"), consent, "and with the code it goes on");
}

#[tokio::test]
async fn of_two_who_answer_at_once_one_is_let_in() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let (phone, recovery) = enrol(&server, &ada).await;
    let (one, other) = (Browser::new(&server), Browser::new(&server));
    let ((_, first), (_, second)) = (first_factor(&one).await, first_factor(&other).await);
    let code = phone.code(&server);
    let answers = tokio::join!(
        answer(&one, &first, "code", &code),
        answer(&one, &first, "code", &code),
        answer(&other, &second, "code", &code),
    );
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303, "{statuses:?}");
    assert!(statuses[1] > 400, "{statuses:?}");
    let (one, other) = (Browser::new(&server), Browser::new(&server));
    let ((_, first), (_, second)) = (first_factor(&one).await, first_factor(&other).await);
    let answers = tokio::join!(
        answer(&one, &first, "recovery", &recovery[0]),
        answer(&other, &second, "recovery", &recovery[0]),
    );
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
}

#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_end_the_old() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let (_, recovery) = enrol(&server, &ada).await;
    let enter = async |code: &str| {
        let browser = Browser::new(&server);
        let (_, form) = first_factor(&browser).await;
        answer(&browser, &form, "recovery", code).await
    };
    assert_eq!(enter(&recovery[3].to_uppercase().replace('-', " ")).await.status, 303);
    let again = enter(&recovery[3]).await;
    assert!(again.status == 422 && again.text.contains("<details open>"), "{again:?}");
    assert!(ada.get("/account/security").await.text.contains("<bdi>9</bdi> recovery codes"));
    let question = ada.get("/account/totp?ask=codes").await;
    let fields = [("csrf", &*question.csrf("/account/totp")), ("do", "codes")];
    let new = codes(&ada.post("/account/totp", &fields).await);
    assert!(new.len() == 10 && !new.contains(&recovery[4]));
    assert_eq!(enter(&recovery[4]).await.status, 422);
    assert_eq!(enter(&new[0]).await.status, 303);
    assert_eq!(count(&server, Event::RecoveryCodeUsed).await, 2);
}

#[tokio::test]
async fn a_cancelled_sign_in_leaves_nothing_behind() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let (phone, _) = enrol(&server, &ada).await;
    let browser = Browser::new(&server);
    let (place, form) = first_factor(&browser).await;
    let cancelled = answer(&browser, &form, "do", "cancel").await;
    assert_eq!((cancelled.status, cancelled.header("location")), (303, "/sign-in?to=account"));
    assert!(cancelled.header("set-cookie").contains("Max-Age=0"), "{cancelled:?}");
    assert_eq!(browser.get(&place).await.status, 403);
    assert_eq!(answer(&browser, &form, "code", &phone.code(&server)).await.status, 403);
    let left = server.storage.read(mcp_oauthd::storage::sign_ins::count).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_changes_meanwhile_ends_a_sign_in_that_is_half_done() {
    let server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let (phone, _) = enrol(&server, &ada).await;
    let half = Browser::new(&server);
    let (_, form) = first_factor(&half).await;
    let question = ada.get("/account/totp?ask=off").await;
    let fields = [("csrf", &*question.csrf("/account/totp")), ("do", "off")];
    let off = ada.post("/account/totp", &fields).await;
    assert!(off.header("set-cookie").starts_with("mcp_oauthd_session=mse_"), "{off:?}");
    assert!(ada.get(off.header("location")).await.text.contains("app are off."));
    assert_eq!(answer(&half, &form, "code", &phone.code(&server)).await.status, 403);
    assert_eq!(signed_in(&server, USER).await.get("/account").await.status, 200, "no code");
    let (phone, _) = enrol(&server, &ada).await;
    let (_, form) = first_factor(&half).await;
    let now = server.clock.now();
    let disable = move |conn: &mut _| {
        let user = users::find_by_name(conn, USER)?.unwrap();
        // In the row alone: the step that waits is still there.
        users::disable(conn, &user.id, now)
    };
    assert!(server.storage.write(disable).await.unwrap());
    assert_eq!(answer(&half, &form, "code", &phone.code(&server)).await.status, 403);
    assert_eq!(half.get("/account").await.status, 303);
}

#[tokio::test]
async fn guessing_codes_is_held_up_and_whoever_knows_the_password_is_no_known_network() {
    let server = TestServer::spawn_with(&[("limit_sign_in_per_account", "3")]).await;
    let ada = signed_in(&server, USER).await;
    let (phone, _) = enrol(&server, &ada).await;
    let browser = Browser::new(&server);
    let (_, form) = first_factor(&browser).await;
    let (step, csrf) = (form.field("step"), form.field("csrf"));
    let guess = async |address: &str, code: &str| {
        let fields = [("step", &*step), ("csrf", &*csrf), ("code", code)];
        let request = browser.http.post(format!("{}/sign-in/second-factor", server.url));
        let request = request.header("Origin", &server.url).header("X-Forwarded-For", address);
        crate::support::page(request.form(&fields)).await
    };
    for _ in 0..3 {
        assert_eq!(guess("192.0.2.1", "000000").await.status, 422);
    }
    let held_up = guess("192.0.2.1", &phone.code(&server)).await;
    assert_eq!(held_up.status, 429, "even with the right code");
    assert!(held_up.header("retry-after").parse::<u32>().unwrap() > 0);
    // All strangers together have as many again, although each of them knows the password.
    for n in 2..5 {
        let stranger = format!("192.0.2.{n}");
        let passed = password_from(&server, &stranger).await;
        assert_eq!(passed, 303);
        assert_eq!(guess(&stranger, "000000").await.status, 422, "{n}");
    }
    assert_eq!(guess("192.0.2.5", "000000").await.status, 429, "no more");
    assert_eq!(guess("127.0.0.1", &phone.code(&server)).await.status, 303, "the owner gets in");
}

/// Knows the password, from an address.
async fn password_from(server: &TestServer, address: &str) -> u16 {
    let browser = Browser::new(server);
    let form = browser.get("/sign-in?to=account").await;
    let csrf = form.field("csrf");
    let fields = [("to", "account"), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    let request = browser.http.post(format!("{}/sign-in", server.url));
    let request = request.header("Origin", &server.url).header("X-Forwarded-For", address);
    crate::support::page(request.form(&fields)).await.status
}

#[tokio::test]
async fn where_a_second_factor_is_demanded_one_is_set_up_before_anything_else() {
    let server = TestServer::spawn_with(&[("second_factor", "required")]).await;
    let browser = Browser::new(&server);
    let sent = sign_in(&browser, USER, PASSWORD, "security").await;
    let place = sent.header("location").to_owned();
    assert!(place.starts_with("/sign-in/new-second-factor?step="), "{place}");
    assert_eq!(browser.get("/account").await.status, 303, "not yet");
    let form = browser.get(&place).await;
    let (step, csrf) = (form.field("step"), form.field("csrf"));
    let phone = Phone::set_up(&form);
    let type_in = async |code: &str| {
        let fields = [("step", &*step), ("csrf", &*csrf), ("code", code)];
        browser.post("/sign-in/new-second-factor", &fields).await
    };
    assert_eq!(type_in("000000").await.status, 422);
    // Meanwhile somebody else with the password: another key, and only one of them counts.
    let other = Browser::new(&server);
    let sent = sign_in(&other, USER, PASSWORD, "account").await;
    let others = other.get(sent.header("location")).await;
    let others_phone = Phone::set_up(&others);
    assert_ne!(others_phone.code(&server), phone.code(&server));
    let done = type_in(&phone.code(&server)).await;
    assert_eq!(codes(&done).len(), 10);
    assert!(done.text.contains("href=\"/account/security\""), "on to the goal: {done:?}");
    assert_eq!(browser.get("/account/security").await.status, 200);
    assert_eq!(type_in(&phone.code(&server)).await.status, 403, "used up");
    let fields = [
        ("step", &*others.field("step")),
        ("csrf", &*others.field("csrf")),
        ("code", &*others_phone.code(&server)),
    ];
    assert_eq!(other.post("/sign-in/new-second-factor", &fields).await.status, 403);
    assert_eq!(other.get("/account").await.status, 303);
    let (_, form) = first_factor(&Browser::new(&server)).await;
    assert!(form.text.contains("Code of your authenticator app"));
}

#[tokio::test]
async fn codes_are_turned_on_and_off_only_by_their_person() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (ada, bob) = (signed_in(&server, USER).await, signed_in(&server, "bob").await);
    let bobs = bob.get("/account/totp").await;
    let (phone, adas) = (Phone::set_up(&bobs), ada.get("/account/totp").await);
    let csrf = adas.csrf("/account/totp");
    let sent = [("csrf", &*csrf), ("do", "on"), ("code", &*phone.code(&server))];
    assert_eq!(ada.post("/account/totp", &sent).await.status, 422, "another person's key");
    let (_, recovery) = enrol(&server, &ada).await;
    let off = [("csrf", &*bobs.csrf("/account/totp")), ("do", "off")];
    assert_eq!(bob.post("/account/totp", &off).await.status, 403, "he has none");
    let (_, form) = first_factor(&Browser::new(&server)).await;
    assert!(form.text.contains("<bdi>ada</bdi>"));
    enrol(&server, &bob).await;
    let entering = Browser::new(&server);
    let sent = sign_in(&entering, "bob", PASSWORD, "account").await;
    let form = entering.get(sent.header("location")).await;
    assert_eq!(answer(&entering, &form, "recovery", &recovery[0]).await.status, 422, "hers");
    let stale = ada.post("/account/totp", &[("csrf", &*csrf), ("do", "off")]).await;
    assert_eq!(stale.status, 403, "the cookie has changed since");
    let csrf = ada.get("/account/totp?ask=off").await.csrf("/account/totp");
    assert_eq!(ada.post("/account/totp", &[("csrf", &csrf)]).await.status, 400);
    server.advance(15 * 60);
    assert_eq!(ada.get("/account/totp").await.status, 303, "too long ago");
}
