//! Asking for more: what a yes gives, and what it never gives.

use mcp_oauthd::authorization::consent::{self, Grantable, Obstacle};
use mcp_oauthd::authorization::{limits, request};
use mcp_oauthd::config::Connecting;
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::Scope;
use mcp_oauthd::revocation::ending;
use mcp_oauthd::storage::Audience;
use mcp_oauthd::storage::authorization_requests::Asked;
use mcp_oauthd::storage::clients::Client;
use mcp_oauthd::storage::users::User;

use crate::access::settle;
use crate::fixture::{self, CODE_LIFETIME, DAY, Fixture, issuer, offered, parameter, sign_in};
use crate::tokens::Pair;

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

impl Fixture {
    fn asked_for(&self, client: &Client, scope: &str) -> Asked {
        Asked { scope: self::scope(scope), ..self.asked(client) }
    }

    /// What the page says to this person.
    async fn page(&self, user: &User, asked: Asked) -> Result<Grantable, Obstacle> {
        let user = user.clone();
        let page = self.decide(move |conn, now| {
            let signed_in = sign_in(conn, &user, now)?;
            let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
            let pending = consent::find(conn, &cookie, now)?;
            let client = consent::client(conn, &pending)?;
            Ok::<_, Error>(consent::grantable(
                conn,
                (&client, &pending),
                &signed_in,
                &offered(),
                now,
            )?)
        });
        page.await.unwrap()
    }

    /// What of it is new and what is kept.
    async fn new_and_kept(&self, asked: Asked) -> (String, String) {
        let page = self.page(&self.user, asked).await.unwrap();
        (page.scope.without(&page.known).to_string(), page.known.to_string())
    }

    /// The tokens to which the person says yes.
    async fn connect_for(&self, scope: &str) -> Pair {
        let (asked, user) = (self.asked_for(&self.client, scope), self.user.clone());
        let url = self.decide(move |conn, now| {
            let signed_in = sign_in(conn, &user, now)?;
            let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
            fixture::approve(conn, &cookie, &signed_in, now)
        });
        let code = parameter(&url.await.unwrap(), "code").unwrap();
        self.redeem(&self.code_form(&code)).await.unwrap()
    }
}

#[tokio::test]
async fn a_yes_to_more_gives_the_union_and_the_page_tells_the_two_apart() {
    let f = Fixture::new().await;
    let first = f.connect_for("read").await;
    for (asked, new, kept) in [
        ("write", "write", "read"),
        ("read write", "write", "read"),
        ("read", "", "read"),
        ("admin mcp", "admin mcp", "read"),
    ] {
        let found = f.new_and_kept(f.asked_for(&f.client, asked)).await;
        assert_eq!(found, (new.to_owned(), kept.to_owned()), "{asked}");
    }
    let second = f.connect_for("write").await;
    assert_eq!(second.scope, "read write");
    assert!(f.is_active(&first.access_token).await, "another installation may live on it");
    assert_eq!(f.connect_for("mcp").await.scope, "mcp read write");
}

#[tokio::test]
async fn who_asks_for_no_more_gets_no_more_and_steps_up_from_there() {
    let f = Fixture::new().await;
    f.connect_for("read write").await;
    let found = f.new_and_kept(f.asked_for(&f.client, "read")).await;
    assert_eq!(found, (String::new(), "read".to_owned()), "none of it is new");
    assert_eq!(f.connect_for("read").await.scope, "read", "another installation");
    // What it lacks another one has; it does not lose its own for that.
    let found = f.new_and_kept(f.asked_for(&f.client, "write")).await;
    assert_eq!(found, (String::new(), "read write".to_owned()));
    assert_eq!(f.connect_for("write").await.scope, "read write");
    assert_eq!(f.connect_for("admin").await.scope, "admin read write");
}

#[tokio::test]
async fn only_what_this_person_granted_this_client_here_and_is_live_counts() {
    let f = Fixture::new().await;
    let pair = f.connect_for("read").await;
    let nothing = |asked: Asked| async {
        let scope = asked.scope.to_string();
        assert_eq!(f.new_and_kept(asked).await, (scope, String::new()));
    };
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    nothing(f.asked_for(&other, "write")).await;
    let bob = f.add_user("bob").await;
    let page = f.page(&bob, f.asked_for(&f.client, "write")).await.unwrap();
    assert_eq!((page.scope, page.known), (scope("write"), Scope::default()));

    f.clock.advance(mcp_oauthd::clock::Seconds(366 * DAY.0));
    nothing(f.asked_for(&f.client, "write")).await;
    assert!(!f.is_active(&pair.access_token).await, "its time was over");

    f.connect_for("read").await;
    f.write(|conn, now| ending::of_resource(conn, None, now)).await;
    assert_eq!(f.grants().await[0].revoked_at, None, "its row does not say so yet");
    nothing(f.asked_for(&f.client, "write")).await;
}

#[tokio::test]
async fn the_union_is_never_more_than_is_allowed_now() {
    let f = Fixture::new().await;
    f.connect_for("admin read").await;
    f.allow(&f.user, Some("admin read write")).await;
    f.open_to(Audience::Named, None).await;
    settle(&f).await;
    let kept = async || f.new_and_kept(f.asked_for(&f.client, "write")).await.1;
    assert_eq!(kept().await, "admin read");
    // The settings do not have it any more: the token is good for nothing there, and a yes too.
    let (asked, user) = (f.asked_for(&f.client, "write"), f.user.clone());
    let fewer = f.decide(move |conn, now| {
        let signed_in = sign_in(conn, &user, now)?;
        let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
        let pending = consent::find(conn, &cookie, now)?;
        let client = consent::client(conn, &pending)?;
        let fewer = scope("read write");
        Ok::<_, Error>(consent::grantable(conn, (&client, &pending), &signed_in, &fewer, now)?)
    });
    assert_eq!(fewer.await.unwrap().unwrap().scope, scope("read write"));
}

#[tokio::test]
async fn a_yes_is_to_what_its_page_has_shown_and_to_nothing_else() {
    let f = Fixture::new().await;
    f.connect_for("read").await;
    let (asked, user) = (f.asked_for(&f.client, "write"), f.user.clone());
    let page = f.decide(move |conn, now| {
        let signed_in = sign_in(conn, &user, now)?;
        let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
        let shown = fixture::shown(conn, &cookie, &signed_in, now)?;
        Ok((cookie.reveal(), shown))
    });
    let (cookie, shown) = page.await.unwrap();
    // While the page is open, the person says yes to more in another window.
    f.connect_for("admin").await;
    let user = f.user.clone();
    let answers = f.decide(move |conn, now| {
        let kind = mcp_oauthd::oauth::TokenKind::AuthorizationRequest;
        let cookie = mcp_oauthd::oauth::TokenSecret::parse(kind, &cookie).unwrap();
        let (issuer, offered) = (issuer(), offered());
        let terms = consent::Terms {
            code_lifetime: CODE_LIFETIME,
            issuer: &issuer,
            connecting: &Connecting::default(),
            offered: &offered,
            shown: &shown,
        };
        let signed_in = sign_in(conn, &user, now)?;
        let stale = consent::approve(conn, &cookie, &signed_in, &terms, now)?;
        Ok((stale, fixture::approve(conn, &cookie, &signed_in, now)?))
    });
    let (stale, asked_again) = answers.await.unwrap();
    assert_eq!(stale, None);
    let code = parameter(&asked_again, "code").unwrap();
    assert_eq!(f.redeem(&f.code_form(&code)).await.unwrap().scope, "admin read write");
}

#[tokio::test]
async fn no_leaves_what_there_is() {
    let f = Fixture::new().await;
    let pair = f.connect_for("read").await;
    let (asked, user) = (f.asked_for(&f.client, "write"), f.user.clone());
    let no = f.decide(move |conn, now| {
        let signed_in = sign_in(conn, &user, now)?;
        let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
        consent::deny(conn, &cookie, &signed_in, &issuer(), now)
    });
    assert_eq!(parameter(&no.await.unwrap(), "error").as_deref(), Some("access_denied"));
    assert!(f.is_active(&pair.access_token).await);
    assert_eq!(f.grants().await.len(), 1);
}

#[tokio::test]
async fn a_client_is_not_led_beyond_its_limit_by_having_had_more() {
    let f = Fixture::new().await;
    f.connect_for("mcp").await;
    let id = f.client.client_id.clone();
    let limit = |most: Option<&'static str>| {
        let id = id.clone();
        f.write(move |conn, now| limits::of_client(conn, &id, most.map(scope).as_ref(), now))
    };
    assert_eq!(limit(Some("mcp read")).await, Some(0));
    let found = f.new_and_kept(f.asked_for(&f.client, "read write")).await;
    assert_eq!(found, ("read".to_owned(), "mcp".to_owned()));
    let page = f.page(&f.user, f.asked_for(&f.client, "write")).await;
    assert_eq!(page.err(), Some(Obstacle::NothingLeft));
    assert_eq!(limit(None).await, Some(0));
    assert_eq!(f.connect_for("write").await.scope, "mcp write");
}
