//! What is remembered is what the tables say: revoked is revoked at the next question, whoever did it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_oauthd::clock::{Clock, Seconds, UnixTime};
use mcp_oauthd::config::Database;
use mcp_oauthd::oauth::{ClientId, GrantId, Scope, TokenId, TokenKind, TokenSecret, UserId};
use mcp_oauthd::storage::access_tokens::{self, AccessToken, Described};
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    DbConnection, Limits, Missing, RevokedBecause, Role, Storage, StorageError,
};

use crate::engines::{engines, path_in};

const NOW: UnixTime = UnixTime(1_790_000_000);

fn open(path: &Path) -> Storage {
    let database = Database::File(path.to_owned());
    Storage::open(&database, Missing::Create, Limits::default(), Clock::System).unwrap()
}

/// Serves, and has its writer look, as the service does.
async fn serving(storage: Storage) -> Storage {
    storage.serve().await;
    let looking = storage.clone();
    tokio::spawn(async move { looking.look().await });
    storage
}

/// A token of a grant of its own, without a refresh token.
async fn token(storage: &Storage) -> (TokenId, GrantId) {
    let add = |conn: &mut DbConnection| {
        let scope: Scope = "mcp".parse().unwrap();
        let grant = grants::insert(conn, |id| Grant {
            id,
            client_id: ClientId::generate(),
            user_id: UserId::generate(),
            scope: scope.clone(),
            resource: "https://wiki.example/mcp".parse().unwrap(),
            created_at: NOW,
            last_used_at: NOW,
            expires_at: NOW + Seconds(99_999),
            tokens_until: NOW + Seconds(99_999),
            revoked_at: None,
            revoked_because: None,
            last_used_address: None,
            imported: false,
        })?;
        let made = access_tokens::insert(conn, |id| {
            let secret = TokenSecret::generate(TokenKind::Access, id);
            let row = AccessToken {
                id,
                hash: secret.hash(),
                grant_id: grant.id,
                generation: None,
                scope: scope.clone(),
                issued_at: NOW,
                expires_at: NOW + Seconds(99_999),
            };
            (secret, row)
        })?;
        Ok::<_, StorageError>((made.id(), grant.id))
    };
    storage.write(add).await.unwrap()
}

async fn ask(storage: &Storage, id: TokenId) -> Arc<Described> {
    let asked = storage.read_known(|known| known.token(id));
    let found: Result<_, StorageError> = asked.await;
    found.unwrap().unwrap()
}

async fn is_live(storage: &Storage, id: TokenId) -> bool {
    ask(storage, id).await.grant.revoked_at.is_none()
}

/// Whether the second answer comes from the first.
async fn is_remembered(storage: &Storage, id: TokenId) -> bool {
    let first = ask(storage, id).await;
    Arc::ptr_eq(&first, &ask(storage, id).await)
}

/// Until it is so; a test that waits for ever is ended by its runner.
async fn until(storage: &Storage, id: TokenId, remembered: bool) {
    while is_remembered(storage, id).await != remembered {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn revoke(storage: &Storage, grant: GrantId) {
    let end =
        move |conn: &mut DbConnection| grants::revoke(conn, grant, RevokedBecause::Operator, NOW);
    storage.write(end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_where_nobody_serves() {
    for engine in engines() {
        let opened = engine.open();
        let (id, _) = token(&opened.storage).await;
        assert!(!is_remembered(&opened.storage, id).await, "{}", engine.name);
        let storage = serving(opened.storage.clone()).await;
        until(&storage, id, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = serving(open(&path_in(&folder))).await;
    let (id, grant) = token(&storage).await;
    until(&storage, id, true).await;
    let user = ask(&storage, id).await.grant.user_id.clone();
    assert_eq!(ask(&storage, id).await.username, None);
    let user = User::new(user, "ada".to_owned(), Role::Owner, NOW);
    storage.write(move |conn| users::insert(conn, &user)).await.unwrap();
    assert_eq!(ask(&storage, id).await.username.as_deref(), Some("ada"));
    until(&storage, id, true).await;
    // Another's is not forgotten.
    let (other, _) = token(&storage).await;
    until(&storage, other, true).await;
    let before = ask(&storage, other).await;
    revoke(&storage, grant).await;
    assert!(!is_live(&storage, id).await);
    assert!(Arc::ptr_eq(&before, &ask(&storage, other).await), "or two rows share a place");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_is_revoked_for_every_question_that_begins_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = serving(open(&path_in(&folder))).await;
    for _ in 0..200 {
        let (id, grant) = token(&storage).await;
        let ended = Arc::new(AtomicBool::new(false));
        let askers: Vec<_> = (0..3)
            .map(|_| {
                let (storage, ended) = (storage.clone(), ended.clone());
                tokio::spawn(async move {
                    loop {
                        let must_be_dead = ended.load(Ordering::SeqCst);
                        let lives = is_live(&storage, id).await;
                        assert!(!(must_be_dead && lives), "alive after the revocation returned");
                        if must_be_dead {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(2)).await;
        revoke(&storage, grant).await;
        ended.store(true, Ordering::SeqCst);
        for asker in askers {
            asker.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_has_changed_is_seen_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let storage = serving(open(&path_in(&folder))).await;
    for _ in 0..10 {
        let (id, grant) = token(&storage).await;
        until(&storage, id, true).await;
        let command = open(&path_in(&folder));
        revoke(&command, grant).await;
        command.close().await;
        assert!(!is_live(&storage, id).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_serve_remember_nothing_and_the_last_one_does_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = serving(open(&path_in(&folder))).await;
    let (id, _) = token(&first).await;
    until(&first, id, true).await;
    let second = serving(open(&path_in(&folder))).await;
    until(&first, id, false).await;
    for _ in 0..100 {
        let (id, grant) = token(&first).await;
        assert!(!is_remembered(&first, id).await && !is_remembered(&second, id).await);
        revoke(&second, grant).await;
        assert!(!is_live(&first, id).await);
    }
    second.close().await;
    until(&first, id, true).await;
}
