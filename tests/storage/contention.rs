//! Uniqueness of use: many ask at once, and the row lets one of them win.

use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::{ClientId, GrantId, Salt, Scope, TokenId, TokenKind, TokenSecret, UserId};
use mcp_oauthd::storage::codes::{self, Code};
use mcp_oauthd::storage::refresh_tokens::{self, RefreshToken, Use};
use mcp_oauthd::storage::{DbConnection, Purpose, Storage, StorageError, one_time_links};

use crate::engines::engines;

const AT_ONCE: usize = 200;
const NOW: UnixTime = UnixTime(1_790_000_000);

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_redeem_a_code_one_wins() {
    for engine in engines() {
        let opened = engine.open();
        let insert = |conn: &mut DbConnection| codes::insert(conn, code);
        let id = opened.storage.write(insert).await.unwrap().id();
        let won =
            race(&opened.storage, move |conn| first(codes::consume(conn, id, None, NOW))).await;
        assert_eq!(won, 1, "{}", engine.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_a_refresh_token_one_wins() {
    for engine in engines() {
        let opened = engine.open();
        let insert = |conn: &mut DbConnection| refresh_tokens::insert(conn, refresh_token);
        let id = opened.storage.write(insert).await.unwrap().id();
        let consume = move |conn: &mut DbConnection| {
            let (salt, follows) = (Salt::generate(), TokenId(1));
            let by = Use { at: NOW, salt, successor_id: follows, access_id: follows };
            first(refresh_tokens::consume(conn, id, by))
        };
        assert_eq!(race(&opened.storage, consume).await, 1, "{}", engine.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_follow_a_one_time_link_one_wins() {
    for engine in engines() {
        let opened = engine.open();
        let insert = |conn: &mut DbConnection| one_time_links::replace(conn, Purpose::Setup, NOW);
        let id = opened.storage.write(insert).await.unwrap().id();
        let won = race(&opened.storage, move |conn| one_time_links::consume(conn, id, NOW)).await;
        assert_eq!(won, 1, "{}", engine.name);
    }
}

/// Whether a compare-and-set was first.
fn first(outcome: Result<(), StorageError>) -> Result<bool, StorageError> {
    match outcome {
        Err(StorageError::Unavailable(_)) => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

/// How many of those who try at once are told that they were first.
async fn race(
    storage: &Storage,
    attempt: impl Fn(&mut DbConnection) -> Result<bool, StorageError> + Copy + Send + 'static,
) -> usize {
    let racers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let storage = storage.clone();
            tokio::spawn(async move { storage.write(attempt).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await.unwrap().unwrap());
    }
    won
}

fn code(id: TokenId) -> (TokenSecret, Code) {
    let secret = TokenSecret::generate(TokenKind::Code, id);
    let code = Code {
        id,
        hash: secret.hash(),
        client_id: ClientId::generate(),
        user_id: UserId::generate(),
        redirect_uri: "https://app.example/cb".parse().unwrap(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap(),
        scope: Scope::requested("mcp"),
        resource: "https://mcp.example/mcp".parse().unwrap(),
        expires_at: NOW,
        redeemed_at: None,
        grant_id: None,
    };
    (secret, code)
}

fn refresh_token(id: TokenId) -> (TokenSecret, RefreshToken) {
    let secret = TokenSecret::generate(TokenKind::Refresh, id);
    let token = RefreshToken {
        id,
        hash: secret.hash(),
        grant_id: GrantId(1),
        previous: None,
        expires_at: NOW,
        used_at: None,
        salt: None,
        successor_id: None,
        access_id: None,
        confirmed_at: None,
    };
    (secret, token)
}
