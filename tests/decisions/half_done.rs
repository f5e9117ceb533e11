//! Sign-ins that are half done, and what happens meanwhile.

use mcp_oauthd::accounts::change_password;
use mcp_oauthd::accounts::sign_in::{self, Passed, Terms};
use mcp_oauthd::storage::sign_ins::{self, Goal, Waiting};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{Method, Step, StorageError};

use crate::fixture::{Fixture, SESSIONS, browser, hashed};

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_looked_at_signs_nobody_in() {
    let f = Fixture::new().await;
    let seen = with_password(&f, "correct horse").await;
    assert!(by_password(&f, &seen).await.is_some());
    let now = with_password(&f, "another phrase").await;
    let dump = f.dump().await;
    assert!(by_password(&f, &seen).await.is_none());
    assert_eq!(f.dump().await, dump);
    let id = f.user.id.clone();
    f.write(move |conn, now| users::disable(conn, &id, now)).await;
    assert!(by_password(&f, &now).await.is_none(), "switched off meanwhile");
}

async fn with_password(f: &Fixture, password: &str) -> User {
    let (id, hashed) = (f.user.id.clone(), hashed(password).await);
    let changed = f.write(move |conn, now| {
        change_password(conn, &id, &hashed, now)?;
        users::find(conn, &id)
    });
    changed.await.unwrap()
}

async fn by_password(f: &Fixture, seen: &User) -> Option<Passed> {
    let seen = seen.clone();
    let pass = f.write(move |conn, now| {
        let terms = Terms { now, lifetimes: SESSIONS, second_factor_required: false };
        sign_in::by_password(conn, &seen, Goal::Account, &browser(), &terms)
    });
    pass.await
}

#[tokio::test]
async fn strangers_who_begin_a_lot_do_not_end_what_somebody_has_proved() {
    let f = Fixture::new().await;
    let waiting = |user_id| Waiting {
        step: Step::SecondFactor,
        user_id,
        method: Some(Method::Password),
        detail: String::new(),
        goal: Goal::Account,
    };
    let (hers, strangers) = (waiting(Some(f.user.id.clone())), waiting(None));
    let (hers, strangers) = f
        .write(move |conn, now| {
            let hers = sign_in::begin(conn, &hers, now)?.id();
            let begin = |_| Ok(sign_in::begin(conn, &strangers, now)?.id());
            Ok((hers, (0..3).map(begin).collect::<Result<Vec<_>, StorageError>>()?))
        })
        .await;
    assert_eq!(f.write(|conn, _| sign_ins::delete_oldest(conn, 2)).await, 2);
    for (id, is_left) in [(hers, true), (strangers[0], false), (strangers[2], true)] {
        let found = f.read(move |conn| sign_ins::find(conn, id)).await;
        assert_eq!(found.is_some(), is_left);
    }
}
