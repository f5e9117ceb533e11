//! Accounts elsewhere: who comes in, whose they become, and what stays as it is.

use diesel::RunQueryDsl as _;
use mcp_oauthd::accounts::identity::{self, NotLinked, NotUnlinked, Stranger};
use mcp_oauthd::accounts::providers::Account;
use mcp_oauthd::accounts::session::{self, Recently};
use mcp_oauthd::accounts::sign_in::{self, Passed, Terms};
use mcp_oauthd::accounts::ways::WaysOn;
use mcp_oauthd::accounts::{Username, newcomer};
use mcp_oauthd::config::{Config, Provider, Sources};
use mcp_oauthd::oauth::ErrorCode::AccessDenied;
use mcp_oauthd::oauth::{OAuthError, TokenSecret};
use mcp_oauthd::storage::sign_ins::{Goal, Waiting};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{DbConnection, Event, Method, Step, identities, sessions};

use crate::fixture::{Fixture, SESSIONS, browser, empty};

const ISSUER: &str = "https://id.example.org";

fn provider(allow: &str, sign_up: bool) -> Provider {
    let settings = [
        ("ISSUER", ISSUER),
        ("CLIENT_ID", "x"),
        ("ALLOW", allow),
        ("SIGN_UP", if sign_up { "allowed" } else { "off" }),
    ];
    let settings = settings.map(|(name, text)| (format!("MCP_OAUTH_OIDC_{name}"), text.to_owned()));
    let config = Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap();
    config.sign_in.providers[0].clone()
}

fn account(subject: &str) -> Account {
    Account {
        authority: ISSUER.to_owned(),
        subject: subject.to_owned(),
        label: format!("label of {subject}"),
        username: Some("ada".to_owned()),
        verified_mails: vec!["ada@example.org".to_owned()],
        organisations: vec!["wiki editors".to_owned()],
        ..Account::default()
    }
}

async fn enter(f: &Fixture, provider: &Provider, account: &Account) -> Result<Passed, Stranger> {
    let (provider, account) = (provider.clone(), account.clone());
    let enter = move |conn: &mut _, now| {
        let terms = Terms { now, lifetimes: SESSIONS, second_factor_required: false };
        identity::sign_in(conn, (&provider, &account), Goal::Account, &browser(), &terms)
    };
    f.decide(enter).await.unwrap()
}

async fn recently(f: &Fixture, user: &User) -> Recently {
    f.sign_in(user).await.recently(f.clock.now()).unwrap()
}

async fn link(f: &Fixture, user: &User, account: &Account) -> Result<(), NotLinked> {
    link_in(f, &recently(f, user).await, account).await.unwrap().map(drop)
}

async fn link_in(
    f: &Fixture,
    recently: &Recently,
    account: &Account,
) -> Result<Result<TokenSecret, NotLinked>, OAuthError> {
    let (recently, account) = (recently.clone(), account.clone());
    let link = move |conn: &mut _, now| {
        identity::link(conn, &recently, (&provider("", false), &account), now)
    };
    f.decide(link).await
}

async fn unlink(
    f: &Fixture,
    user: &User,
    subject: &'static str,
    password: bool,
) -> Result<(), NotUnlinked> {
    unlink_in(f, &recently(f, user).await, subject, password).await.unwrap().map(drop)
}

async fn unlink_in(
    f: &Fixture,
    recently: &Recently,
    subject: &'static str,
    password: bool,
) -> Result<Result<TokenSecret, NotUnlinked>, OAuthError> {
    let recently = recently.clone();
    let authorities = vec![ISSUER.to_owned()];
    let passkeys = Some("auth.example".to_owned());
    let on = WaysOn { password, passkeys, authorities, proxy: false };
    f.decide(move |conn, now| identity::unlink(conn, &recently, (ISSUER, subject), &on, now)).await
}

#[test]
fn the_list_decides_who_comes_in() {
    let admit = |allow| identity::admit(&provider(allow, false).allow, &account("s1"));
    for allow in [
        "",
        "*",
        "sub:s1",
        "user:ada",
        "Ada@Example.org",
        "@example.org",
        "sub:x, org:wiki editors",
    ] {
        assert_eq!(admit(allow), Ok(()), "{allow}");
    }
    for allow in [
        "sub:s",
        "sub:S1",
        "user:Ada",
        "ada@example.org.evil.example",
        "@org",
        "@ample.org",
        "@wiki.example.org",
        "org:wiki",
    ] {
        assert_eq!(admit(allow), Err(Stranger::NotAllowed), "{allow}");
    }
}

#[test]
fn a_mail_address_that_is_not_verified_is_none() {
    let unverified = Account { verified_mails: vec![], has_unverified_mail: true, ..account("s1") };
    let admit = |allow| identity::admit(&provider(allow, false).allow, &unverified);
    assert_eq!(admit("@example.org"), Err(Stranger::MailNotVerified));
    assert_eq!(admit("org:x"), Err(Stranger::NotAllowed), "it would not help");
    assert_eq!(admit("@example.org, user:ada"), Ok(()));
}

#[tokio::test]
async fn an_equal_name_is_somebody_else() {
    let f = Fixture::new().await;
    assert!(matches!(
        enter(&f, &provider("*", false), &account("s1")).await,
        Err(Stranger::NoAccount)
    ));
    assert_eq!(f.count(Event::UserAdded).await, 0);
    let passed = enter(&f, &provider("*", true), &account("s1")).await;
    assert!(matches!(passed, Ok(Passed::SignedIn(_))));
    let made = f.read(|conn| users::find_by_name(conn, "ada2")).await.unwrap();
    let of_ada = f.user.id.clone();
    assert!(f.read(move |conn| identities::list_of_user(conn, &of_ada)).await.is_empty());
    let known = f.read(move |conn| identities::list_of_user(conn, &made.id)).await;
    assert_eq!((known.len(), known[0].label.as_str()), (1, "label of s1"));
}

#[tokio::test]
async fn whoever_is_taken_off_the_list_does_not_come_in_any_more() {
    let f = Fixture::new().await;
    assert!(enter(&f, &provider("sub:s1", true), &account("s1")).await.is_ok());
    let later = enter(&f, &provider("sub:s2", true), &account("s1")).await;
    assert!(matches!(later, Err(Stranger::NotAllowed)));
}

#[tokio::test]
async fn an_account_is_linked_to_one_person() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    assert_eq!(link(&f, &f.user, &account("s1")).await, Ok(()));
    assert_eq!(link(&f, &f.user, &account("s1")).await, Err(NotLinked::Before));
    assert_eq!(link(&f, &bob, &account("s1")).await, Err(NotLinked::SomebodyElses));
    assert_eq!(unlink(&f, &bob, "s1", true).await, Err(NotUnlinked::NoSuch));
    assert_eq!(f.count(Event::IdentityLinked).await, 1);
    let elsewhere = Account { authority: "https://other.example".to_owned(), ..account("s1") };
    assert!(matches!(enter(&f, &provider("", false), &elsewhere).await, Err(Stranger::NoAccount)));
    assert!(enter(&f, &provider("", false), &account("s1")).await.is_ok());
}

#[tokio::test]
async fn the_last_way_is_not_taken_away() {
    let f = Fixture::new().await;
    for subject in ["s1", "s2"] {
        assert_eq!(link(&f, &f.user, &account(subject)).await, Ok(()));
    }
    assert_eq!(unlink(&f, &f.user, "s1", false).await, Ok(()), "the other one is left");
    assert_eq!(
        unlink(&f, &f.user, "s2", false).await,
        Err(NotUnlinked::LastWay),
        "passwords are off"
    );
    assert_eq!(unlink(&f, &f.user, "s2", true).await, Ok(()));
    assert_eq!(unlink(&f, &f.user, "s2", true).await, Err(NotUnlinked::NoSuch));
    assert_eq!(f.count(Event::IdentityUnlinked).await, 2);
}

#[tokio::test]
async fn with_what_signs_in_the_id_of_the_session_changes() {
    let f = Fixture::new().await;
    let before = recently(&f, &f.user).await;
    let cookie = link_in(&f, &before, &account("s1")).await.unwrap().unwrap();
    let dump = f.dump().await;
    let old = link_in(&f, &before, &account("s2")).await.unwrap_err();
    assert_eq!(old.code, AccessDenied, "that session is over");
    assert_eq!(unlink_in(&f, &before, "s1", true).await.unwrap_err().code, AccessDenied);
    assert_eq!(f.dump().await, dump);
    let now = f.clock.now();
    let after = f.read(|conn| session::authenticate(conn, &cookie, SESSIONS, now)).await.unwrap();
    let cookie = unlink_in(&f, &after.recently(now).unwrap(), "s1", true).await.unwrap().unwrap();
    assert_ne!(cookie.id(), after.session().id);
    let gone = after.session().id;
    assert!(f.read(move |conn| sessions::find(conn, gone)).await.is_none());
}

#[tokio::test]
async fn what_an_account_elsewhere_has_begun_ends_when_it_is_taken_away() {
    let f = Fixture::new().await;
    link(&f, &f.user, &account("s1")).await.unwrap();
    let waiting = Waiting {
        step: Step::SecondFactor,
        user_id: Some(f.user.id.clone()),
        method: Some(Method::Provider),
        detail: String::new(),
        goal: Goal::Account,
    };
    let cookie = f.write(move |conn, now| sign_in::begin(conn, &waiting, now)).await;
    unlink(&f, &f.user, "s1", true).await.unwrap();
    let now = f.clock.now();
    let found = f.decide(move |conn, _| sign_in::find(conn, &cookie, Step::SecondFactor, now));
    assert_eq!(found.await.err().unwrap().code, AccessDenied);
}

#[tokio::test]
async fn what_is_left_of_a_provider_that_is_gone_is_no_way() {
    let f = Fixture::new().await;
    let gone = Account { authority: "https://gone.example".to_owned(), ..account("s1") };
    for account in [&gone, &account("s2")] {
        assert_eq!(link(&f, &f.user, account).await, Ok(()));
    }
    assert_eq!(unlink(&f, &f.user, "s2", false).await, Err(NotUnlinked::LastWay));
}

#[tokio::test]
async fn the_identities_of_somebody_who_is_removed_go_too() {
    let f = Fixture::new().await;
    link(&f, &f.user, &account("s1")).await.unwrap();
    let id = f.user.id.clone();
    f.decide(move |conn, now| mcp_oauthd::revocation::remove_user(conn, &id, now)).await.unwrap();
    assert!(f.read(|conn| identities::find(conn, ISSUER, "s1")).await.is_none());
}

#[tokio::test]
async fn a_disabled_person_is_not_signed_in() {
    let f = Fixture::new().await;
    link(&f, &f.user, &account("s1")).await.unwrap();
    let id = f.user.id.clone();
    f.write(move |conn, now| users::disable(conn, &id, now)).await;
    let passed = enter(&f, &provider("", false), &account("s1")).await;
    assert!(matches!(passed, Ok(Passed::SwitchedOff)));
}

#[tokio::test]
async fn whoever_has_a_second_factor_is_asked_for_it_after_a_provider_too() {
    let f = Fixture::new().await;
    link(&f, &f.user, &account("s1")).await.unwrap();
    let id = f.user.id.to_string();
    f.write(move |DbConnection::Sqlite(conn), _| {
        let row = format!("INSERT INTO totp_secrets VALUES ('{id}', x'00', 1, 0)");
        diesel::sql_query(row).execute(conn).unwrap();
        Ok(())
    })
    .await;
    let before = f.count(Event::SignedIn).await;
    let passed = enter(&f, &provider("", false), &account("s1")).await;
    assert!(matches!(passed, Ok(Passed::Next(_, Step::SecondFactor))));
    assert_eq!(f.count(Event::SignedIn).await, before, "not signed in yet");
}

#[tokio::test]
async fn nobody_is_made_before_the_owner() {
    let (storage, clock, _dir) = empty();
    let now = clock.now();
    let made = storage
        .write(move |conn| newcomer::add(conn, &Username::parse("eve").unwrap(), "oidc", now));
    assert!(made.await.unwrap().is_none());
}

#[tokio::test]
async fn names_that_are_taken_get_a_number() {
    let f = Fixture::new().await;
    for expected in ["ada2", "ada3"] {
        let name = f.decide(|conn, _| newcomer::free_name(conn, " ADA ")).await.unwrap();
        assert_eq!(name.as_str(), expected);
        f.add_user(expected).await;
    }
}
