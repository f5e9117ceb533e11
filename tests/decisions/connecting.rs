//! Which clients may connect: each setting for each kind of client, and the owner's yes or no.

use mcp_oauthd::authorization::obstacle::{Obstacle, unwelcome};
use mcp_oauthd::authorization::request::{self, Offer, Rejection};
use mcp_oauthd::authorization::shown;
use mcp_oauthd::clients::connecting::{self, Approval, MayConnect};
use mcp_oauthd::clients::registration;
use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::config::{Connecting, KnownClient, Newcomers};
use mcp_oauthd::oauth::ErrorCode::{AccessDenied, InvalidClient, InvalidRedirectUri};
use mcp_oauthd::oauth::{ClientId, ClientMetadata, OAuthError, Scope, ScopeHierarchy};
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::{ClientOrigin, Event};
use mcp_oauthd::{clients::enable, revocation};

use crate::fixture::{
    BOUNDS, CODE_LIFETIME, Fixture, REDIRECT_URI, approve_where, issuer, sign_in,
};
use crate::form::Form;

const PUBLIC: &str = r#""token_endpoint_auth_method":"none""#;
const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";

fn setting(newcomers: Newcomers) -> Connecting {
    Connecting { newcomers, known: vec![] }
}

fn naming(newcomers: Newcomers, callback: &str) -> Connecting {
    let known = vec![KnownClient::Callback(callback.parse().unwrap())];
    Connecting { newcomers, known }
}

impl Fixture {
    /// The client, as it is now.
    async fn met(&self) -> Client {
        let id = self.client.client_id.clone();
        self.read(move |conn| clients::find(conn, &id)).await.unwrap()
    }

    async fn ask(&self) -> bool {
        let (id, person) = (self.client.client_id.clone(), self.user.id.clone());
        self.write(move |conn, now| connecting::ask(conn, &id, &person, now)).await
    }

    async fn let_in(&self) -> bool {
        let shown = self.met().await.metadata;
        self.approve(shown).await == Approval::Approved
    }

    async fn approve(&self, shown: ClientMetadata) -> Approval {
        let (id, shown) = (self.client.client_id.clone(), shown::client(&shown));
        self.write(move |conn, now| connecting::approve(conn, (&id, Some(&shown)), now)).await
    }

    async fn refuse(&self) {
        let id = self.client.client_id.clone();
        self.write(move |conn, now| revocation::disable_client(conn, &id, now)).await;
    }

    /// What a person is told, and what becomes of a yes.
    async fn unwelcome(&self, connecting: &Connecting) -> Option<Obstacle> {
        let seen = unwelcome(&self.met().await, connecting);
        let said = self.say_yes(connecting).await;
        assert_eq!(said.is_err(), seen.is_some(), "the page and the decision agree");
        assert!(said.is_ok() || said.unwrap_err().code == AccessDenied);
        seen
    }

    async fn say_yes(&self, connecting: &Connecting) -> Result<String, OAuthError> {
        let (asked, user) = (self.asked(&self.client), self.user.clone());
        let connecting = connecting.clone();
        let say = self.decide(move |conn, now| {
            let signed_in = sign_in(conn, &user, now)?;
            let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
            approve_where(&connecting, conn, &cookie, &signed_in, now)
        });
        say.await
    }

    async fn resolve(&self, connecting: &Connecting) -> Result<(), Rejection> {
        let form = Form::new()
            .and("client_id", self.client.client_id.as_str())
            .and("redirect_uri", REDIRECT_URI)
            .and("response_type", "code")
            .and("code_challenge", crate::fixture::CHALLENGE)
            .and("code_challenge_method", "S256");
        let (parameters, connecting) = (form.parameters().unwrap(), connecting.clone());
        let scopes = Scope::requested("mcp read");
        let hierarchy = ScopeHierarchy::default();
        let offer =
            Offer { scopes, hierarchy, default_resource: None, connecting, issuer: issuer() };
        self.storage.read(|conn| request::resolve(conn, &parameters, &offer)).await.map(drop)
    }
}

#[tokio::test]
async fn each_setting_decides_for_each_kind_of_client() {
    use MayConnect::{No, Waits, Yes};
    let f = Fixture::new().await;
    let kind = |origin, id: &str, uri: &str| {
        let uri = format!(r#"["{uri}"]"#);
        let metadata = format!(
            r#"{{"redirect_uris":{uri},{PUBLIC},"grant_types":[],"response_types":["code"]}}"#
        );
        let client_id: ClientId = id.parse().unwrap();
        Client { client_id, origin, metadata: metadata.parse().unwrap(), ..f.client.clone() }
    };
    let stranger = kind(ClientOrigin::Registered, "a", "https://notes.example/cb");
    let document = |url| kind(ClientOrigin::Document, url, "https://notes.example/cb");
    let claude = document("https://claude.ai/oauth/mcp-oauth-client-metadata");
    let other = document("https://notes.example/client.json");
    let (now, earlier) = (Some(f.clock.now()), Some(UnixTime(f.clock.now().0 - 1)));
    let allowed_before = Client { authorized_at: now, last_used_at: now, ..stranger.clone() };
    let changed_since = Client { last_used_at: earlier, asked_at: now, ..stranger.clone() };
    let in_the_same_second = Client { last_used_at: now, asked_at: now, ..stranger.clone() };
    for (what, client, under_known, under_ask) in [
        ("a stranger", &stranger, No, Waits),
        ("another document", &other, No, Waits),
        ("a shipped document", &claude, Yes, Waits),
        ("a shipped callback", &kind(ClientOrigin::Registered, "a", CLAUDE), Yes, Waits),
        ("a local program", &kind(ClientOrigin::Registered, "a", "http://127.0.0.1/"), No, Waits),
        (
            "one with an id that only looks like a document's",
            &Client { origin: ClientOrigin::Registered, ..claude.clone() },
            No,
            Waits,
        ),
        (
            "the operator's",
            &Client { origin: ClientOrigin::Configured, ..stranger.clone() },
            Yes,
            Yes,
        ),
        ("an approved one", &Client { approved_at: now, ..stranger.clone() }, Yes, Yes),
        ("one that was here before", &allowed_before, No, Yes),
        ("one that has changed since", &changed_since, No, Waits),
        ("one that has changed just then", &in_the_same_second, No, Waits),
    ] {
        let may = |newcomers| connecting::may_connect(client, &setting(newcomers));
        assert_eq!(may(Newcomers::Open), Yes, "{what}");
        assert_eq!(may(Newcomers::Known), under_known, "{what}");
        assert_eq!(may(Newcomers::Ask), under_ask, "{what}");
    }
    for newcomers in [Newcomers::Open, Newcomers::Known, Newcomers::Ask] {
        let named = naming(newcomers, "https://notes.example/cb");
        assert_eq!(connecting::may_connect(&stranger, &named), Yes, "{newcomers:?}");
        let host = vec![KnownClient::Host("notes.example".to_owned())];
        let named = Connecting { newcomers, known: host };
        assert_eq!(connecting::may_connect(&other, &named), Yes, "{newcomers:?}");
    }
}

#[tokio::test]
async fn an_unknown_client_is_told_on_a_page_and_never_by_a_redirect() {
    let f = Fixture::new().await;
    f.resolve(&setting(Newcomers::Open)).await.unwrap();
    f.resolve(&setting(Newcomers::Ask)).await.unwrap();
    let before = f.dump().await;
    match f.resolve(&setting(Newcomers::Known)).await.unwrap_err() {
        Rejection::ShowPage(error) => assert_eq!(error.code, InvalidClient),
        other => panic!("{other:?}"),
    }
    assert_eq!(f.unwelcome(&setting(Newcomers::Known)).await, Some(Obstacle::NotKnown));
    assert!(f.dump().await == before, "nothing is kept of what was tried");
    assert_eq!(f.count(Event::ConsentApproved).await, 0);
    f.resolve(&naming(Newcomers::Known, REDIRECT_URI)).await.unwrap();
    assert_eq!(f.unwelcome(&naming(Newcomers::Known, REDIRECT_URI)).await, None);
}

#[tokio::test]
async fn a_registration_needs_every_redirect_uri_to_be_known() {
    let check = |uris: &str, connecting: &Connecting| {
        let body = format!(r#"{{"redirect_uris":{uris},{PUBLIC}}}"#);
        let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
        connecting::check_registration(&metadata, connecting)
    };
    let known = setting(Newcomers::Known);
    let claude = format!(r#"["{CLAUDE}"]"#);
    let mixed = format!(r#"["{CLAUDE}","https://evil.example/cb"]"#);
    let local = r#"["http://localhost:4711/callback"]"#;
    check(&claude, &known).unwrap();
    for uris in [&mixed, local, r#"["https://notes.example/cb"]"#] {
        assert_eq!(check(uris, &known).unwrap_err().code, InvalidRedirectUri, "{uris}");
        check(uris, &setting(Newcomers::Open)).unwrap();
        check(uris, &setting(Newcomers::Ask)).unwrap();
    }
    check(local, &naming(Newcomers::Known, "http://localhost/callback")).unwrap();
}

#[tokio::test]
async fn nothing_is_fetched_of_a_document_that_is_not_known() {
    let f = Fixture::new().await;
    let check = async |url: &str, newcomers| {
        let (url, settings) = (url.parse().unwrap(), setting(newcomers));
        f.decide(move |conn, _| connecting::check_document(conn, &url, &settings)).await
    };
    let (claude, other) = (
        "https://claude.ai/oauth/claude-code-client-metadata",
        "https://notes.example/client.json",
    );
    check(claude, Newcomers::Known).await.unwrap();
    assert_eq!(check(other, Newcomers::Known).await.unwrap_err().code, InvalidClient);
    check(other, Newcomers::Open).await.unwrap();
    check(other, Newcomers::Ask).await.unwrap();
    let client = Client {
        client_id: other.parse().unwrap(),
        origin: ClientOrigin::Document,
        approved_at: Some(f.clock.now()),
        ..f.client.clone()
    };
    f.write(move |conn, _| clients::insert(conn, &client)).await;
    check(other, Newcomers::Known).await.unwrap();
}

#[tokio::test]
async fn a_new_client_waits_until_the_owner_says_yes() {
    let (f, ask) = (Fixture::new().await, setting(Newcomers::Ask));
    assert_eq!(f.unwelcome(&ask).await, Some(Obstacle::Waits));
    assert!(f.ask().await);
    f.clock.advance(Seconds(5));
    assert!(!f.ask().await, "it is noted once");
    let met = f.met().await;
    assert!(met.is_waiting());
    assert_eq!(
        (met.asked_at, met.asked_by),
        (Some(f.clock.now() - Seconds(5)), Some(f.user.id.clone()))
    );
    assert_eq!(f.read(clients::count_waiting).await, 1);
    assert_eq!(f.unwelcome(&ask).await, Some(Obstacle::Waits));
    assert!(f.let_in().await);
    assert!(!f.let_in().await, "a second yes is none");
    assert_eq!(f.unwelcome(&ask).await, None);
    assert_eq!(f.read(clients::count_waiting).await, 0);
    for kind in [Event::ClientAsked, Event::ClientApproved] {
        assert_eq!(f.count(kind).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn who_was_refused_stays_refused() {
    let (f, ask) = (Fixture::new().await, setting(Newcomers::Ask));
    f.ask().await;
    f.refuse().await;
    assert_eq!(f.unwelcome(&ask).await, Some(Obstacle::NotLetIn));
    let before = f.dump().await;
    assert!(!f.let_in().await, "not before it is enabled");
    assert!(!f.ask().await);
    assert!(f.dump().await == before);
    let id = f.client.client_id.clone();
    assert!(f.write(move |conn, now| enable(conn, &id, now)).await);
    assert_eq!(f.unwelcome(&ask).await, Some(Obstacle::Waits), "as it was before");
    assert!(f.let_in().await);
    assert_eq!(f.unwelcome(&ask).await, None);
    f.refuse().await;
    assert_eq!(f.unwelcome(&ask).await, Some(Obstacle::SwitchedOff), "it was in before");
}

#[tokio::test]
async fn of_two_decisions_at_once_one_counts() {
    let ask = setting(Newcomers::Ask);
    for _ in 0..5 {
        let f = Fixture::new().await;
        f.ask().await;
        let (approved, (), said) = tokio::join!(f.let_in(), f.refuse(), f.say_yes(&ask));
        let met = f.met().await;
        assert!(met.disabled_at.is_some(), "a no is a no, whenever it comes");
        assert_eq!(met.approved_at.is_some(), approved);
        // A yes that came before the no has a code, which is worth nothing now.
        if let Ok(url) = said {
            assert!(approved);
            let code = crate::fixture::parameter(&url, "code").unwrap();
            f.redeem(&f.code_form(&code)).await.unwrap_err();
        }
        let (one, other) = tokio::join!(f.let_in(), f.let_in());
        assert!(!one && !other);
    }
    let f = Fixture::new().await;
    let (one, other) = tokio::join!(f.ask(), f.ask());
    assert!(one != other);
    let (one, other) = tokio::join!(f.let_in(), f.let_in());
    assert!(one != other);
}

#[tokio::test]
async fn a_stricter_setting_ends_nothing() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    assert_eq!(f.unwelcome(&setting(Newcomers::Known)).await, Some(Obstacle::NotKnown));
    assert_eq!(f.unwelcome(&setting(Newcomers::Ask)).await, None, "it was here before");
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn who_waited_and_was_let_in_when_nobody_was_asked_does_not_wait_again() {
    let (f, ask) = (Fixture::new().await, setting(Newcomers::Ask));
    f.ask().await;
    f.clock.advance(Seconds(1));
    f.say_yes(&setting(Newcomers::Open)).await.unwrap();
    assert_eq!(f.unwelcome(&ask).await, None);
    assert!(!f.met().await.is_waiting());
    assert_eq!(f.read(clients::count_waiting).await, 0);
}
