//! What a person changes about the own account: the password, the second factor, what is connected.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use mcp_oauthd::accounts::password::{Passwords, is_outgrown};
use mcp_oauthd::accounts::password_change::{change_own, keep_up};
use mcp_oauthd::accounts::second_factor_change::{reset, turn_off, turn_on};
use mcp_oauthd::accounts::session::{Recently, sign_out};
use mcp_oauthd::accounts::totp::Secret;
use mcp_oauthd::oauth::ErrorCode::AccessDenied;
use mcp_oauthd::oauth::{GrantId, TokenId, TokenKind, TokenSecret};
use mcp_oauthd::revocation::{disconnect, remove_user};
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{
    DbConnection, Event, RevokedBecause, grants, lists, recovery_codes, totp_secrets, users,
};

use crate::fixture::{Fixture, hashed};

#[tokio::test]
async fn the_right_password_is_hashed_anew_when_its_hash_is_outgrown() {
    let f = Fixture::new().await;
    let session = f.sign_in(&f.user).await;
    let user = with_weak_hash(&f, "correct horse").await;
    let passwords = Passwords::new(1).unwrap();
    let before = f.events().await.len();
    keep_up(&passwords, &f.storage, &user, "correct horse".into()).await.unwrap();
    let now = stored(&f).await;
    assert!(!is_outgrown(now.password_hash.as_deref().unwrap()));
    assert!(passwords.verify("correct horse".into(), now.password_hash.clone()).await.unwrap());
    assert_eq!(f.events().await.len(), before, "it is the same password");
    let id = session.session().id;
    let found = f.read(|conn| mcp_oauthd::storage::sessions::find(conn, id)).await;
    assert!(found.is_some(), "nobody is signed out");
    let dump = f.dump().await;
    keep_up(&passwords, &f.storage, &now, "correct horse".into()).await.unwrap();
    assert_eq!(f.dump().await, dump, "it is good now");
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_is_not_put_back() {
    let f = Fixture::new().await;
    let seen = with_weak_hash(&f, "correct horse").await;
    let recently = recently(&f).await;
    change(&f, &recently, "another phrase").await.unwrap();
    let dump = f.dump().await;
    keep_up(&Passwords::new(1).unwrap(), &f.storage, &seen, "correct horse".into()).await.unwrap();
    assert_eq!(f.dump().await, dump);
}

#[tokio::test]
async fn of_two_new_passwords_the_second_is_refused_whole() {
    let f = Fixture::new().await;
    let (one, other) = (recently(&f).await, recently(&f).await);
    change(&f, &one, "a new phrase").await.unwrap();
    let dump = f.dump().await;
    let refused = change(&f, &other, "another phrase").await.unwrap_err();
    assert_eq!(refused.code, AccessDenied);
    assert_eq!(f.dump().await, dump);
}

#[tokio::test]
async fn a_browser_that_was_signed_out_meanwhile_changes_nothing() {
    let f = Fixture::new().await;
    let gone = recently(&f).await;
    let end = gone.signed_in().clone();
    f.write(move |conn, now| sign_out(conn, &end, now)).await;
    let dump = f.dump().await;
    assert_eq!(change(&f, &gone, "another phrase").await.unwrap_err().code, AccessDenied);
    let refused = on(&f, &gone, 1).await.unwrap_err();
    assert_eq!(refused.code, AccessDenied);
    let off = move |conn: &mut DbConnection, now| turn_off(conn, &gone, now).map(|_| ());
    assert_eq!(f.decide(off).await.unwrap_err().code, AccessDenied);
    assert_eq!(f.dump().await, dump);
}

#[tokio::test]
async fn codes_are_turned_on_once_and_reset_by_the_operator() {
    let f = Fixture::new().await;
    let (one, other) = (recently(&f).await, recently(&f).await);
    assert!(on(&f, &one, 1).await.unwrap());
    let dump = f.dump().await;
    assert_eq!(on(&f, &other, 2).await.unwrap_err().code, AccessDenied, "they are on");
    assert_eq!(f.dump().await, dump);
    let id = f.user.id.clone();
    assert_eq!(f.read(|conn| recovery_codes::count_unused(conn, &id)).await, 10);
    let them = id.clone();
    assert!(f.write(move |conn, now| reset(conn, &them, now)).await);
    assert!(!f.read(|conn| totp_secrets::exists(conn, &id)).await);
    assert_eq!(f.read(|conn| recovery_codes::count_unused(conn, &id)).await, 0);
    assert_eq!(f.count(Event::SecondFactorReset).await, 1);
    assert!(!f.write(move |conn, now| reset(conn, &id, now)).await, "there is nothing left");
    assert_eq!(f.count(Event::SecondFactorReset).await, 1);
}

#[tokio::test]
async fn the_live_grants_of_one_person_come_page_by_page() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    f.connect().await;
    let model = f.grants().await.pop().unwrap();
    let (ada, theirs) = (f.user.clone(), model.clone());
    f.write(move |conn, now| {
        for n in 0..300 {
            let mut row = theirs.clone();
            row.user_id = if n % 3 == 0 { bob.id.clone() } else { ada.id.clone() };
            row.revoked_at = (n % 2 == 0).then_some(now);
            row.expires_at = if n % 5 == 0 { now } else { row.expires_at };
            grants::insert(conn, |id| mcp_oauthd::storage::grants::Grant { id, ..row.clone() })?;
        }
        Ok(())
    })
    .await;
    let now = f.clock.now();
    let (mut seen, mut before) = (vec![], GrantId(i64::MAX));
    loop {
        let from = (before, now);
        let page = f.read(|conn| lists::grants::live_of_user(conn, &f.user.id, from, 50)).await;
        let Some(last) = page.last() else { break };
        before = last.id;
        assert!(page.iter().all(|grant| grant.is_live(now) && grant.user_id == f.user.id));
        seen.extend(page.into_iter().map(|grant| grant.id.0));
    }
    let expected = (0..300).filter(|n| n % 3 != 0 && n % 2 != 0 && n % 5 != 0).count();
    assert_eq!(seen.len(), expected + 1);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
    let plan = "EXPLAIN QUERY PLAN SELECT * FROM oauth_grants WHERE user_id = '' AND revoked_at IS \
                NULL AND id < 9 AND expires_at > 1 ORDER BY id DESC LIMIT 50";
    let plan = f.read(|DbConnection::Sqlite(conn)| Ok(diesel::sql_query(plan).load::<Plan>(conn)?));
    let plan: Vec<_> = plan.await.into_iter().map(|step| step.detail).collect();
    let wanted = "SEARCH oauth_grants USING INDEX oauth_grants_of_user (user_id=? AND revoked_at=?";
    assert!(plan.len() == 1 && plan[0].starts_with(wanted), "{plan:?}");
}

#[tokio::test]
async fn a_person_ends_only_what_is_hers() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    let pair = f.connect().await;
    let id = f.grants().await[0].id;
    let (ada, bob) = (f.sign_in(&f.user).await, f.sign_in(&bob).await);
    let dump = f.dump().await;
    assert!(!f.write(move |conn, now| disconnect(conn, &bob, id, now)).await);
    assert_eq!(f.dump().await, dump);
    assert!(f.write(move |conn, now| disconnect(conn, &ada, id, now)).await);
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::Person));
}

/// Whatever has a person's id goes with the account, but for what explains itself for a while.
#[tokio::test]
async fn nothing_of_a_removed_account_is_left() {
    const KEPT: [&str; 4] = ["attempts", "events", "oauth_codes", "oauth_grants"];
    let f = Fixture::new().await;
    f.connect().await;
    let recently = recently(&f).await;
    on(&f, &recently, 1).await.unwrap();
    f.sign_in(&f.user).await;
    let id = f.user.id.to_string();
    f.write(move |DbConnection::Sqlite(conn), _| {
        for row in [
            "sign_ins VALUES (1, x'00', 'second_factor', ?, 'password', '', 'account', 0, 9)",
            "passkeys VALUES ('k', ?, 'key', '{}', 0, NULL, NULL)",
            "identities VALUES ('p', 's', ?, 'ada', 0, NULL)",
            "sign_in_places VALUES (?, '192.0.2.1', 0)",
            "one_time_links (id, hash, purpose, created_at, user_id) VALUES (1, x'00', 'reset', 0, ?)",
            "resource_people VALUES ('https://mcp.example/mcp', ?, NULL)",
            "seen_documents VALUES (?, 'https://app.example/client.json', '{}', 0)",
            "attempts (id, user_id, started_at, last_at, network, agent, known, story) \
             VALUES (1, ?, 0, 0, '192.0.2.1', '', TRUE, '[]')",
        ] {
            let insert = diesel::sql_query(format!("INSERT INTO {row}"));
            insert.bind::<Text, _>(&id).execute(conn)?;
        }
        Ok(())
    })
    .await;
    let before = rows_of(&f).await;
    assert!(before.len() > KEPT.len() && before.iter().all(|(_, rows)| *rows > 0), "{before:?}");
    let id = f.user.id.clone();
    f.decide(move |conn, now| remove_user(conn, &id, now)).await.unwrap();
    for (table, rows) in rows_of(&f).await {
        assert_eq!(rows > 0, KEPT.contains(&table.as_str()), "{table}: {rows}");
    }
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// For every table that says whose a row is: how many are of the fixture's person.
async fn rows_of(f: &Fixture) -> Vec<(String, i64)> {
    let id = f.user.id.to_string();
    f.read(|DbConnection::Sqlite(conn)| {
        let tables = "SELECT m.name AS detail FROM sqlite_master AS m JOIN pragma_table_info(m.name) \
                      AS c WHERE m.type = 'table' AND c.name = 'user_id'";
        let tables = diesel::sql_query(tables).load::<Plan>(conn)?;
        let mut counts = vec![];
        for table in tables {
            let count = format!("SELECT COUNT(*) AS rows FROM {} WHERE user_id = ?", table.detail);
            let count = diesel::sql_query(count).bind::<Text, _>(&id).get_result::<Counted>(conn)?;
            counts.push((table.detail, count.rows));
        }
        Ok(counts)
    })
    .await
}

async fn recently(f: &Fixture) -> Recently {
    f.sign_in(&stored(f).await).await.recently(f.clock.now()).unwrap()
}

async fn stored(f: &Fixture) -> User {
    f.read(|conn| users::find(conn, &f.user.id)).await.unwrap()
}

async fn change(
    f: &Fixture,
    recently: &Recently,
    password: &str,
) -> Result<(), mcp_oauthd::oauth::OAuthError> {
    let (recently, password) = (recently.clone(), hashed(password).await);
    f.decide(move |conn, now| change_own(conn, &recently, &password, false, now).map(|_| ())).await
}

/// Turns codes on with the secret that a cookie of this number is offered; whether the code was right.
async fn on(
    f: &Fixture,
    recently: &Recently,
    number: i64,
) -> Result<bool, mcp_oauthd::oauth::OAuthError> {
    let cookie = TokenSecret::generate(TokenKind::Session, TokenId(number));
    let (recently, secret) = (recently.clone(), Secret::offered_to(&cookie));
    let key =
        data_encoding::BASE32_NOPAD.decode(secret.in_groups().replace(' ', "").as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(key).build().unwrap();
    let code = totp.generate(u64::try_from(f.clock.now().0).unwrap()).to_string();
    f.decide(move |conn, now| {
        turn_on(conn, &recently, (&secret, &code), now).map(|turned| turned.is_some())
    })
    .await
}

/// As an older version has hashed it.
async fn with_weak_hash(f: &Fixture, password: &str) -> User {
    let params = Params::new(4096, 3, 1, None).unwrap();
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = weak.hash_password(password.as_bytes()).unwrap().to_string();
    let id = f.user.id.clone();
    f.write(move |conn, _| users::set_password(conn, &id, &hash).map(|_| ())).await;
    stored(f).await
}
