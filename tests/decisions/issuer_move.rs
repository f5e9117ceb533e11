//! Whom a move to another URL concerns, and when a start under another name is to be spoken of.

use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::moving::issuer::{self, Afterwards, Concerned, Discord, Move};
use mcp_oauthd::oauth::Issuer;
use mcp_oauthd::storage::{ClientOrigin, issuers};

use crate::fixture::Fixture;

const OLD: &str = "https://auth.example";
const NEW: &str = "https://login.example";
const PUBLIC: &str = r#""token_endpoint_auth_method":"none""#;

fn issuer(text: &str) -> Issuer {
    text.parse().unwrap()
}

async fn concerned(f: &Fixture, to: &str, settings: &[(&str, &str)]) -> Concerned {
    let settings = [("MCP_OAUTH_ISSUER", OLD)].iter().chain(settings).map(|(key, text)| {
        let pair: (String, String) = ((*key).into(), (*text).into());
        pair
    });
    let config = Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap();
    let (now, until) = (f.clock.now(), f.clock.now() + Seconds(60));
    let planned = f.read(|conn| Move::plan(conn, &config.issuer, &issuer(to), until)).await;
    f.read(|conn| planned.unwrap().concerned(conn, &config, now)).await
}

#[tokio::test]
async fn each_client_is_named_with_its_live_logins_and_what_becomes_of_it() {
    let f = Fixture::new().await;
    let desk = f.register_as(ClientOrigin::Configured, PUBLIC).await;
    let known = f.register_as(ClientOrigin::Document, PUBLIC).await;
    let now = f.clock.now().0;
    for (id, client, expires_at, revoked_at) in [
        (1, &f.client, now + 60, "NULL"),
        (2, &f.client, now + 60, "NULL"),
        (3, &f.client, now, "NULL"),
        (4, &f.client, now + 60, "5"),
        (5, &known, now + 60, "NULL"),
    ] {
        let (client, user) = (&client.client_id, &f.user.id);
        f.sql(format!(
            "INSERT INTO oauth_grants (id, client_id, user_id, scope, resource, created_at, last_used_at,
                expires_at, tokens_until, revoked_at)
             VALUES ({id}, '{client}', '{user}', 'mcp', 'https://mcp.example/mcp', 1, 1, {expires_at}, 1,
                {revoked_at})"
        ))
        .await;
    }
    let told = concerned(&f, NEW, &[]).await;
    let seen: Vec<_> = told
        .clients
        .iter()
        .map(|client| (&client.client_id, client.live_logins, client.afterwards))
        .collect();
    assert_eq!(
        seen,
        [
            (&f.client.client_id, 2, Afterwards::RegistersAndSignsInAgain),
            (&known.client_id, 1, Afterwards::KeepsItsIdAndSignsInAgain),
            (&desk.client_id, 0, Afterwards::IsSetUpAgainByHand),
        ]
    );
    let servers: Vec<_> = told.mcp_servers.iter().map(|one| one.on_former_host).collect();
    assert_eq!(servers, [false]);
}

#[cfg(feature = "passkeys")]
#[tokio::test]
async fn whoever_has_a_passkey_only_is_named_if_the_host_is_another() {
    let f = Fixture::new().await;
    let (bob, eve) = (f.add_user("bob").await, f.add_user("eve").await);
    f.add_user("dan").await;
    for user in [&f.user, &bob, &eve] {
        let id = &user.id;
        f.sql(format!(
            "INSERT INTO passkeys VALUES ('{id}', '{id}', 'phone', '{{}}', 1, NULL, NULL)"
        ))
        .await;
    }
    f.sql("UPDATE users SET password_hash = '$argon2id$hash'".to_owned()).await;
    f.sql("UPDATE users SET password_hash = NULL WHERE username = 'ada'".to_owned()).await;
    f.sql("UPDATE users SET passkey_required = TRUE WHERE username = 'eve'".to_owned()).await;
    let holders = |told: Concerned| -> Vec<_> {
        let holders = told.people_with_passkeys.into_iter();
        holders.map(|holder| (holder.username, holder.has_another_way)).collect()
    };
    let named = |ways: [(&str, bool); 3]| ways.map(|(name, way)| (name.to_owned(), way)).to_vec();
    let told = holders(concerned(&f, NEW, &[]).await);
    assert_eq!(told, named([("ada", false), ("bob", true), ("eve", false)]));
    f.write(|conn, _| issuer::settle(conn, &issuer(OLD))).await;
    let kept =
        f.read(|conn| mcp_oauthd::storage::passkeys::find(conn, f.user.id.as_str())).await.unwrap();
    assert_eq!(kept.host.as_deref(), Some("auth.example"), "which an older version did not keep");
    let told = holders(concerned(&f, NEW, &[("MCP_OAUTH_PASSWORD", "off")]).await);
    assert_eq!(told, named([("ada", false), ("bob", false), ("eve", false)]));
    assert_eq!(holders(concerned(&f, "https://auth.example/as", &[]).await), []);
}

#[tokio::test]
async fn what_was_served_last_is_what_clients_are_bound_to() {
    let f = Fixture::new().await;
    let settle = |name: &'static str| f.write(move |conn, _| issuer::settle(conn, &issuer(name)));
    let present = || f.read(issuers::present);
    assert_eq!(settle(OLD).await, None);
    assert_eq!(present().await, Some(issuer(OLD)));
    let stranded = Discord::NotRecorded { bound_to: issuer(OLD), clients: 1 };
    assert_eq!(settle(NEW).await, Some(stranded), "the fixture's client");
    assert_eq!(present().await, Some(issuer(OLD)));
    f.sql("UPDATE oauth_clients SET origin = 'metadata_document'".to_owned()).await;
    assert_eq!(settle(NEW).await, None, "nobody is bound to the old one");
    assert_eq!(present().await, Some(issuer(NEW)));
}

#[tokio::test]
async fn moves_one_after_the_other_leave_each_former_one_its_time() {
    let f = Fixture::new().await;
    let last = "https://last.example/as";
    for (to, until) in [(NEW, UnixTime(i64::MAX - 2)), (last, UnixTime(i64::MAX - 1))] {
        f.write(move |conn, now| {
            let planned = Move::plan(conn, &issuer(OLD), &issuer(to), until)?;
            planned.unwrap().record(conn, now)
        })
        .await;
    }
    let former = f.read(issuers::former).await;
    let mut former: Vec<_> =
        former.iter().map(|former| (former.issuer.as_str(), former.until.0)).collect();
    former.sort_unstable();
    assert_eq!(former, [(OLD, i64::MAX - 2), (NEW, i64::MAX - 1)]);
    let again = f.read(|conn| Move::plan(conn, &issuer(OLD), &issuer(last), UnixTime(1))).await;
    assert_eq!(again, None);
}
