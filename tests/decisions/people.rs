//! Owners and members, and the links that let people in once.

use mcp_oauthd::accounts::sign_in::{Passed, Terms};
use mcp_oauthd::accounts::{self, Username, invitation, roles};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::ErrorCode::{AccessDenied, InvalidRequest};
use mcp_oauthd::oauth::{OAuthError, UserId};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{Event, Method, Purpose, Role, Step, sessions};

use crate::fixture::{DAY, Fixture, SESSIONS, browser, hashed, tampered};

impl Fixture {
    async fn change(&self, id: &UserId, role: Role) -> Result<bool, OAuthError> {
        let id = id.clone();
        self.decide(move |conn, now| roles::change(conn, &id, role, now)).await
    }

    async fn invite(&self, name: &'static str) -> (User, String) {
        let name = Username::parse(name).unwrap();
        let invited = self.write(move |conn, now| invitation::invite(conn, &name, None, now));
        let (user, secret) = invited.await;
        (user, secret.reveal())
    }

    async fn link(&self, user: &User, purpose: Purpose) -> Result<String, OAuthError> {
        let id = user.id.clone();
        let link = self.decide(move |conn, now| invitation::link(conn, &id, purpose, now));
        Ok(link.await?.reveal())
    }

    async fn check(&self, link: &str) -> Result<(), OAuthError> {
        let link = link.to_owned();
        self.decide(move |conn, now| invitation::check(conn, &link, now).map(drop)).await
    }

    async fn accept(&self, link: &str) -> Result<Passed, OAuthError> {
        let (link, password) = (link.to_owned(), hashed("correct horse").await);
        self.decide(move |conn, now| {
            let terms = Terms { now, lifetimes: SESSIONS, second_factor_required: false };
            invitation::set_password(conn, &link, &password, &browser(), &terms)
        })
        .await
    }

    async fn user_now(&self, user: &User) -> User {
        let id = user.id.clone();
        self.read(move |conn| users::find(conn, &id)).await.unwrap()
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let f = Fixture::new().await;
    assert!(f.change(&f.user.id, Role::Owner).await.unwrap());
    assert!(!f.change(&f.user.id, Role::Owner).await.unwrap(), "she is one already");
    let bob = f.add_user("bob").await;
    let before = f.dump().await;
    let refused = f.change(&f.user.id, Role::Member).await.unwrap_err();
    assert_eq!(refused.code, AccessDenied);
    for remove in [revocation::disable_user, revocation::remove_user] {
        let id = f.user.id.clone();
        let refused = f.decide(move |conn, now| remove(conn, &id, now)).await.unwrap_err();
        assert_eq!(refused.code, AccessDenied);
    }
    assert_eq!(f.dump().await, before);

    f.change(&bob.id, Role::Owner).await.unwrap();
    let id = bob.id.clone();
    f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap();
    assert!(f.change(&f.user.id, Role::Member).await.is_err(), "a disabled owner does not count");
    let id = bob.id.clone();
    f.write(move |conn, now| accounts::enable_user(conn, &id, now)).await;
    assert!(f.change(&f.user.id, Role::Member).await.unwrap());
    assert!(f.change(&bob.id, Role::Member).await.is_err(), "it is his turn to stay");
}

#[tokio::test]
async fn an_owner_who_has_never_come_is_not_the_one_who_stays() {
    let f = Fixture::new().await;
    f.sign_in(&f.user).await;
    f.change(&f.user.id, Role::Owner).await.unwrap();
    let (bob, link) = f.invite("bob").await;
    f.change(&bob.id, Role::Owner).await.unwrap();
    let refused = f.change(&f.user.id, Role::Member).await.unwrap_err();
    assert_eq!(refused.code, AccessDenied, "the invitation may never be followed");
    f.accept(&link).await.unwrap();
    assert!(f.change(&f.user.id, Role::Member).await.unwrap());
    let (eve, _) = f.invite("eve").await;
    f.change(&eve.id, Role::Owner).await.unwrap();
    assert!(f.change(&eve.id, Role::Member).await.unwrap(), "she has never run anything");
}

#[tokio::test]
async fn two_owners_who_dismiss_each_other_leave_one() {
    for _ in 0..10 {
        let f = Fixture::new().await;
        let bob = f.add_user("bob").await;
        f.change(&f.user.id, Role::Owner).await.unwrap();
        f.change(&bob.id, Role::Owner).await.unwrap();
        let (ada, bob) =
            tokio::join!(f.change(&f.user.id, Role::Member), f.change(&bob.id, Role::Member));
        assert_eq!(u8::from(ada.is_ok()) + u8::from(bob.is_ok()), 1);
        assert_eq!(f.write(|conn, _| users::hold_owners(conn)).await.len(), 1);
    }
}

#[tokio::test]
async fn a_new_role_begins_with_a_new_session() {
    let f = Fixture::new().await;
    let session = f.sign_in(&f.user).await.session().id;
    f.change(&f.user.id, Role::Owner).await.unwrap();
    assert!(f.read(|conn| sessions::find(conn, session)).await.is_none());
    assert!(f.events().await.contains(&(Event::RoleChanged, Some("owner".to_owned()))));
}

#[tokio::test]
async fn an_invitation_is_the_one_way_into_an_account_without_a_credential() {
    let f = Fixture::new().await;
    let (bob, link) = f.invite("bob").await;
    assert_eq!((bob.role, bob.password_hash.as_ref()), (Role::Member, None));
    f.check(&link).await.unwrap();
    f.check(&link).await.unwrap();
    assert!(matches!(f.accept(&link).await.unwrap(), Passed::SignedIn(_)));
    let bob = f.user_now(&bob).await;
    assert!(bob.password_hash.is_some() && bob.last_signed_in_at.is_some());
    assert_eq!(f.check(&link).await.unwrap_err().code, AccessDenied, "it is used up");
    let refused = f.accept(&link).await.err().unwrap();
    assert_eq!(refused.code, AccessDenied);
    assert_eq!(f.link(&bob, Purpose::Invite).await.unwrap_err().code, InvalidRequest);
    let counts = (f.count(Event::UserInvited).await, f.count(Event::LinkUsed).await);
    assert_eq!(counts, (1, 1));
}

#[tokio::test]
async fn an_invitation_waits_for_a_week_and_a_reset_for_a_day() {
    let f = Fixture::new().await;
    let (_, invitation) = f.invite("bob").await;
    let reset = f.link(&f.user, Purpose::Reset).await.unwrap();
    f.clock.advance(Seconds(DAY.0 - 1));
    f.check(&reset).await.unwrap();
    f.clock.advance(Seconds(1));
    assert!(f.check(&reset).await.is_err());
    f.clock.advance(Seconds(6 * DAY.0 - 1));
    f.check(&invitation).await.unwrap();
    f.clock.advance(Seconds(1));
    assert!(f.check(&invitation).await.is_err());
    assert!(f.accept(&invitation).await.is_err());
}

#[tokio::test]
async fn a_link_is_dead_when_another_one_was_made_or_the_account_is_switched_off() {
    let f = Fixture::new().await;
    let (bob, first) = f.invite("bob").await;
    let second = f.link(&bob, Purpose::Invite).await.unwrap();
    assert!(f.check(&first).await.is_err());
    let third = f.link(&bob, Purpose::Reset).await.unwrap();
    assert!(f.check(&second).await.is_err(), "of whatever purpose");
    assert!(f.check(&tampered(&third)).await.is_err());
    f.check(&third).await.unwrap();

    let adas = f.link(&f.user, Purpose::Reset).await.unwrap();
    f.check(&third).await.unwrap();
    let id = bob.id.clone();
    f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap();
    assert!(f.check(&third).await.is_err());
    assert_eq!(f.link(&bob, Purpose::Reset).await.unwrap_err().code, InvalidRequest);
    let id = bob.id.clone();
    f.write(move |conn, now| accounts::enable_user(conn, &id, now)).await;
    assert!(f.check(&third).await.is_err(), "and stays dead");
    f.check(&adas).await.unwrap();
    let (id, password) = (f.user.id.clone(), hashed("battery staple").await);
    f.write(move |conn, now| accounts::change_password(conn, &id, &password, now)).await;
    assert!(f.check(&adas).await.is_err(), "she knows her password");
}

#[tokio::test]
async fn a_set_up_link_opens_no_account() {
    let f = Fixture::new().await;
    let purpose = Purpose::Setup;
    let now = f.clock.now();
    let link =
        f.write(move |conn, _| mcp_oauthd::storage::one_time_links::replace(conn, purpose, now));
    assert!(f.check(&link.await.reveal()).await.is_err());
}

#[tokio::test]
async fn a_reset_signs_out_everywhere_and_leaves_the_second_factor() {
    let f = Fixture::new().await;
    let session = f.sign_in(&f.user).await.session().id;
    let (id, now) = (f.user.id.to_string(), f.clock.now().0);
    f.write(move |conn, _| {
        use diesel::connection::SimpleConnection as _;
        let row = format!(
            "INSERT INTO totp_secrets (user_id, secret, created_at, last_step)
             VALUES ('{id}', x'00', {now}, 0)"
        );
        Ok(conn.batch_execute(&row)?)
    })
    .await;
    let link = f.link(&f.user, Purpose::Reset).await.unwrap();
    assert!(f.read(|conn| sessions::find(conn, session)).await.is_some(), "not before it is used");
    let passed = f.accept(&link).await.unwrap();
    assert!(matches!(passed, Passed::Next(_, Step::SecondFactor)), "it is asked for");
    assert!(f.read(|conn| sessions::find(conn, session)).await.is_none());
    assert_eq!(f.count(Event::PasswordChanged).await, 1);
}

#[tokio::test]
async fn of_two_who_follow_one_link_at_once_one_comes_in() {
    let f = Fixture::new().await;
    let (_, link) = f.invite("bob").await;
    let (one, other) = tokio::join!(f.accept(&link), f.accept(&link));
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
    assert_eq!(f.count(Event::LinkUsed).await, 1);
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_invited_and_the_first_account_is_an_owners() {
    let f = Fixture::new().await;
    let name = Username::parse("ada").unwrap();
    let now = f.clock.now();
    let taken = f.storage.write(move |conn| {
        invitation::invite(conn, &name, None, now).map(drop).map_err(Error::from)
    });
    assert!(taken.await.is_err());
    let id = f.user.id.clone();
    f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap();
    let (first, link) = f.invite("eve").await;
    assert_eq!(first.role, Role::Owner);
    f.accept(&link).await.unwrap();
    let arrived = f.events().await.into_iter().find(|(kind, _)| *kind == Event::SignedIn);
    assert_eq!(arrived.unwrap().1, Some(Method::Password.to_string()), "the fixture's browser");
}

#[tokio::test]
async fn where_nobody_has_a_password_a_link_lets_in_once_and_every_other_browser_out() {
    let f = Fixture::new().await;
    let before = f.sign_in(&f.user).await.session().id;
    let link = f.link(&f.user, Purpose::Reset).await.unwrap();
    let come_in = || {
        let link = link.clone();
        f.decide(move |conn, now| {
            let terms = Terms { now, lifetimes: SESSIONS, second_factor_required: false };
            invitation::come_in(conn, &link, &browser(), &terms)
        })
    };
    let (first, second) = tokio::join!(come_in(), come_in());
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "one of two tabs");
    assert!(f.read(|conn| sessions::find(conn, before)).await.is_none());
    assert_eq!(come_in().await.err().unwrap().code, AccessDenied);
}
