//! Keys of token rows: appended, whatever the clock does.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::{TokenId, UserId};
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::{StorageError, sessions};

use crate::engines::{Opened, engines};

#[tokio::test]
async fn ids_grow_from_write_to_write_and_within_one() {
    for engine in engines() {
        let opened = engine.open();
        let mut drawn = vec![];
        for length in [0, 1, 3600, 0, -7200, 0, 60] {
            opened.clock.advance(Seconds(length));
            drawn.extend(three(&opened).await);
        }
        assert_eq!(drawn.len(), 21);
        assert!(drawn.is_sorted_by(|left, right| left < right), "{}: {drawn:?}", engine.name);
        assert!(drawn.iter().all(|id| id.0 > 0), "{}: {drawn:?}", engine.name);
    }
}

#[tokio::test]
async fn an_id_tells_when_it_was_drawn() {
    for engine in engines() {
        let opened = engine.open();
        let before = opened.clock.now_millis();
        for id in three(&opened).await {
            assert_eq!(id.0 >> 21, before, "{}", engine.name);
        }
    }
}

async fn three(opened: &Opened) -> [TokenId; 3] {
    let now = opened.clock.now();
    let insert = move |conn: &mut _| {
        let mut one = || {
            sessions::insert(conn, &UserId::generate(), &Arrival::by(Method::Password), now, now)
        };
        Ok::<_, StorageError>([one()?.id(), one()?.id(), one()?.id()])
    };
    opened.storage.write(insert).await.unwrap()
}
