//! The first start: a link that works once, for whoever reads the service's output.

use std::sync::Arc;

use mcp_oauthd::accounts::setup::{self, Done, Setup};
use mcp_oauthd::accounts::sign_in::{Passed, Terms};
use mcp_oauthd::accounts::{Username, add_user, session};
use mcp_oauthd::clock::Clock;
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::{ErrorCode, IntrospectionId, TokenHash, TokenKind, TokenSecret};
use mcp_oauthd::storage::{Role, Step, Storage, StorageError, resources, users};
use tempfile::TempDir;

use crate::fixture::{RESOURCE, SESSIONS, browser, empty, hashed, tampered};

#[tokio::test]
async fn the_link_makes_the_owner_the_resource_and_a_session() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    let done = start.complete(&link).await.unwrap();
    assert_eq!(done.resource.uri.as_str(), RESOURCE);
    let now = start.clock.now();
    let secret = TokenHash::of(&done.secret.unwrap().reveal());
    let Passed::SignedIn(cookie) = done.next else { panic!("nothing more is asked for") };
    start
        .storage
        .read(|conn| {
            let owner = users::find_by_name(conn, "ada")?.unwrap();
            assert_eq!(owner.role, Role::Owner);
            assert!(owner.password_hash.as_deref().unwrap().starts_with("$argon2id$"));
            let resource = resources::find(conn, &done.resource.id)?.unwrap();
            assert!(resource.accepts(&secret, now));
            let signed_in = session::authenticate(conn, &cookie, SESSIONS, now)?.unwrap();
            assert_eq!(signed_in.user().id, owner.id);
            Ok::<_, StorageError>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn where_a_second_factor_is_asked_for_the_link_does_not_lead_around_it() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    let done = start.complete_where(&link, true).await.unwrap();
    assert!(matches!(done.next, Passed::Next(_, Step::NewSecondFactor)));
    let owner = start.storage.read(|conn| users::find_by_name(conn, "ada")).await.unwrap().unwrap();
    assert_eq!(owner.last_signed_in_at, None, "not signed in yet");
}

#[tokio::test]
async fn the_link_works_once() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    start.complete(&link).await.unwrap();
    assert_dead(start.complete(&link).await);
    assert_eq!(start.users().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_follow_the_link_at_once_one_is_the_owner() {
    let start = Arc::new(Start::new());
    let link = start.link().await.unwrap();
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let (start, link) = (start.clone(), link.clone());
            tokio::spawn(async move { start.complete(&link).await.is_ok() })
        })
        .collect();
    let mut owners = 0;
    for racer in racers {
        owners += usize::from(racer.await.unwrap());
    }
    assert_eq!((owners, start.users().await), (1, 1));
}

#[tokio::test]
async fn each_start_replaces_the_link() {
    let start = Start::new();
    let (old, new) = (start.link().await.unwrap(), start.link().await.unwrap());
    assert_dead(start.complete(&old).await);
    start.complete(&new).await.unwrap();
}

#[tokio::test]
async fn a_link_lives_until_it_is_used() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    start.clock.advance(mcp_oauthd::clock::Seconds(400 * 86_400));
    start.complete(&link).await.unwrap();
}

#[tokio::test]
async fn what_is_not_the_link_is_refused() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    let id = TokenSecret::parse(TokenKind::OneTimeLink, &link).unwrap().id();
    let other_kind = TokenSecret::generate(TokenKind::Session, id).reveal();
    for wrong in ["", "x", "mln_", &tampered(&link), &other_kind] {
        assert_dead(start.complete(wrong).await);
    }
    assert_eq!(start.users().await, 0);
    start.complete(&link).await.unwrap();
}

#[tokio::test]
async fn a_user_added_meanwhile_ends_the_link_and_is_the_owner() {
    let start = Start::new();
    let link = start.link().await.unwrap();
    let (password, now) = (hashed("correct horse").await, start.clock.now());
    let added = start.storage.write(move |conn| {
        let name = Username::parse("bob").unwrap();
        add_user(conn, &name, &password, Some(Role::Member), now)
    });
    let added: Result<_, StorageError> = added.await;
    assert_eq!(added.unwrap().role, Role::Owner, "the first one is");
    assert_dead(start.complete(&link).await);
    assert!(start.link().await.is_none(), "there is a user already");
}

#[tokio::test]
async fn a_declared_resource_keeps_its_secret_and_only_one_without_gets_one() {
    for secret in [Some(TokenHash::of("declared")), None] {
        let start = Start::new();
        let (now, hash) = (start.clock.now(), secret.clone());
        let declared = start.storage.write(move |conn| {
            let named = (IntrospectionId::generate(), None);
            setup::add_resource(conn, &RESOURCE.parse().unwrap(), named, hash.as_ref(), now)
        });
        let declared: Result<_, StorageError> = declared.await;
        let link = start.link().await.unwrap();
        let done = start.complete(&link).await.unwrap();
        assert_eq!(done.resource.id, declared.unwrap().id);
        let stored = start.storage.read(|conn| resources::find(conn, &done.resource.id)).await;
        let stored = stored.unwrap().unwrap();
        match (secret, done.secret) {
            (Some(_), None) => assert!(stored.accepts(&TokenHash::of("declared"), now)),
            (None, Some(made)) => assert!(stored.accepts(&TokenHash::of(&made.reveal()), now)),
            (secret, _) => panic!("{secret:?} was not kept, or nothing was made"),
        }
    }
}

/// A service that starts for the first time.
struct Start {
    storage: Storage,
    clock: Clock,
    _dir: TempDir,
}

impl Start {
    fn new() -> Self {
        let (storage, clock, dir) = empty();
        Self { storage, clock, _dir: dir }
    }

    async fn link(&self) -> Option<String> {
        let now = self.clock.now();
        let link: Result<_, StorageError> =
            self.storage.write(move |conn| setup::new_link(conn, now)).await;
        link.unwrap().map(TokenSecret::reveal)
    }

    async fn complete(&self, link: &str) -> Result<Done, Error> {
        self.complete_where(link, false).await
    }

    async fn complete_where(&self, link: &str, second_factor: bool) -> Result<Done, Error> {
        let typed = Setup {
            username: Username::parse("Ada").unwrap(),
            password: Some(hashed("correct horse").await),
            resource: RESOURCE.parse().unwrap(),
            browser: browser(),
        };
        let (link, now) = (link.to_owned(), self.clock.now());
        let terms = Terms { now, lifetimes: SESSIONS, second_factor_required: second_factor };
        self.storage.write(move |conn| setup::complete(conn, &link, &typed, &terms)).await
    }

    async fn users(&self) -> i64 {
        self.storage.read(users::count).await.unwrap()
    }
}

fn assert_dead(outcome: Result<Done, Error>) {
    match outcome {
        Err(Error::Refused(error)) => assert_eq!(error.code, ErrorCode::AccessDenied),
        Err(Error::Failed(error)) => panic!("{error}"),
        Ok(_) => panic!("a dead link has worked"),
    }
}
