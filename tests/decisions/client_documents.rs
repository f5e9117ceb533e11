//! Clients that are described by a document: which copy counts, for how long, and for whom.

use mcp_oauthd::authorization::shown;
use mcp_oauthd::clients::connecting::{self, Approval, MayConnect, may_connect};
use mcp_oauthd::clients::described::is_in_force;
use mcp_oauthd::clients::document_copies::{self, DocumentCopy};
use mcp_oauthd::clients::metadata_document;
use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::config::{Connecting, Newcomers};
use mcp_oauthd::oauth::{ClientId, ClientIdUrl, Scope};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::client_documents::{self, ClientDocument};
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::{ClientOrigin, DocumentSource, Event};

use crate::fixture::{BOUNDS, DAY, Fixture, REDIRECT_URI};

pub(crate) const URL: &str = "https://app.example/client.json";
const CLAUDE: &str = "https://claude.ai/oauth/mcp-oauth-client-metadata";

#[tokio::test]
async fn a_document_makes_a_public_client_without_a_secret() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    assert_eq!((client.origin, client.name.as_str()), (ClientOrigin::Document, "App"));
    assert!(client.metadata.is_public() && client.secret_hash.is_none());
    let copy = copy(&f, URL).await.unwrap();
    assert_eq!(copy.document, document(URL, REDIRECT_URI), "as it was published");
    assert_eq!(f.count(Event::ClientDescribed).await, 1);
}

#[tokio::test]
async fn a_copy_is_fresh_for_as_long_as_it_says_within_bounds() {
    let f = Fixture::new().await;
    for (fresh_for, seconds) in
        [(None, 3600), (Some(0), 60), (Some(7200), 7200), (Some(i64::MAX), 86_400)]
    {
        fetched(&f, URL, &document(URL, REDIRECT_URI), fresh_for.map(Seconds)).await;
        f.clock.advance(Seconds(seconds - 1));
        assert!(in_force(&f, URL).await, "{fresh_for:?}");
        f.clock.advance(Seconds(1));
        assert!(!in_force(&f, URL).await, "{fresh_for:?}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_copy_fresh() {
    let f = Fixture::new().await;
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    f.clock.advance(Seconds(-10));
    assert!(!in_force(&f, URL).await);
}

#[tokio::test]
async fn the_last_good_copy_does_for_a_month_while_its_address_is_out_of_reach() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    f.clock.advance(Seconds(30 * DAY.0));
    assert!(fall_back(&f, URL).await);
    assert!(in_force(&f, URL).await, "it is not asked again at once");
    assert_eq!(find(&f, URL).await.unwrap().metadata, client.metadata);
    f.clock.advance(Seconds(300));
    assert!(!in_force(&f, URL).await);
    let before = f.dump().await;
    assert!(!fall_back(&f, URL).await, "more than a month");
    assert!(f.dump().await == before, "and a failure is not kept");
}

#[tokio::test]
async fn nothing_is_in_force_of_an_address_that_was_never_reached() {
    let f = Fixture::new().await;
    let before = f.dump().await;
    assert!(!in_force(&f, URL).await);
    assert!(!fall_back(&f, URL).await);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_well_known_client_whose_host_refuses_us_is_known_by_the_shipped_copy() {
    let f = Fixture::new().await;
    assert!(fall_back(&f, CLAUDE).await);
    assert!(in_force(&f, CLAUDE).await);
    let client = find(&f, CLAUDE).await.unwrap();
    assert_eq!(
        client.metadata.redirect_uris[0].as_str(),
        "https://claude.ai/api/mcp/auth_callback"
    );
    assert_eq!(copy(&f, CLAUDE).await.unwrap().source, DocumentSource::Shipped);
    f.clock.advance(Seconds(400 * DAY.0));
    assert!(!in_force(&f, CLAUDE).await, "its address is asked again");
    assert!(fall_back(&f, CLAUDE).await, "it does not grow stale");
    let live = document(CLAUDE, "https://claude.ai/api/mcp/other");
    fetched(&f, CLAUDE, &live, None).await;
    assert_eq!(copy(&f, CLAUDE).await.unwrap().source, DocumentSource::Fetched, "a live one wins");
    f.clock.advance(Seconds(400 * DAY.0));
    assert!(fall_back(&f, CLAUDE).await);
    assert_eq!(
        find(&f, CLAUDE).await.unwrap().metadata.redirect_uris[0].as_str(),
        "https://claude.ai/api/mcp/other",
        "what was fetched later than the shipped copy is nearer to the truth"
    );
}

#[tokio::test]
async fn the_operators_copy_counts_until_it_is_removed() {
    let f = Fixture::new().await;
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    lay_down(&f, URL, &document(URL, "https://app.example/laid-down")).await;
    f.clock.advance(Seconds(400 * DAY.0));
    assert!(in_force(&f, URL).await, "its address is never asked");
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let laid_down = "https://app.example/laid-down";
    let client = find(&f, URL).await.unwrap();
    assert_eq!(client.metadata.redirect_uris[0].as_str(), laid_down, "not even by a late answer");
    assert!(fall_back(&f, URL).await);
    assert_eq!(copy(&f, URL).await.unwrap().source, DocumentSource::Operator);
    assert!(forget_copy(&f, URL).await);
    assert!(!forget_copy(&f, URL).await);
    assert!(!in_force(&f, URL).await);
    let kinds: Vec<_> = f.events().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(&kinds[..2], [Event::DocumentRemoved, Event::DocumentAdded]);
}

#[tokio::test]
async fn the_trust_of_the_operators_copy_goes_with_it() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await.client_id;
    f.write(move |conn, now| clients::authorize(conn, &client, now)).await;
    for _ in 0..2 {
        lay_down(&f, URL, &document(URL, "https://app.example/laid-down")).await;
        f.clock.advance(Seconds(1));
        assert!(find(&f, URL).await.unwrap().approved_at.is_some());
    }
    assert!(forget_copy(&f, URL).await);
    let client = find(&f, URL).await.expect("somebody uses it");
    assert_eq!(client.approved_at, None);
    let ask = Connecting { newcomers: Newcomers::Ask, known: vec![] };
    assert_eq!(may_connect(&client, &ask), MayConnect::Waits, "a yes that relied on it is none");
}

#[tokio::test]
async fn what_the_owner_has_said_otherwise_outlives_the_copy() {
    let f = Fixture::new().await;
    let approved = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let shown = shown::client(&approved.metadata);
    let approve = move |conn: &mut _, now| {
        connecting::approve(conn, (&approved.client_id, Some(&shown)), now)
    };
    assert_eq!(f.write(approve).await, Approval::Approved);
    lay_down(&f, URL, &document(URL, REDIRECT_URI)).await;
    assert!(forget_copy(&f, URL).await);
    assert!(find(&f, URL).await.unwrap().approved_at.is_some(), "in the same second, too");

    let other = "https://other.example/client.json";
    lay_down(&f, other, &document(other, REDIRECT_URI)).await;
    let (limited, most) = (id(other), Scope::requested("mcp"));
    f.write(move |conn, _| clients::set_ceiling(conn, &limited, Some(&most))).await;
    assert!(forget_copy(&f, other).await);
    let client = find(&f, other).await.expect("it would come back without its limit");
    assert_eq!((client.ceiling, client.approved_at), (Some(Scope::requested("mcp")), None));

    let third = "https://third.example/client.json";
    lay_down(&f, third, &document(third, REDIRECT_URI)).await;
    assert!(forget_copy(&f, third).await);
    assert!(find(&f, third).await.is_none(), "nobody had anything to do with it");
}

#[tokio::test]
async fn a_yes_is_to_what_was_shown() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let (id, shown) = (client.client_id.clone(), shown::client(&client.metadata));
    let approve = async || {
        let (id, shown) = (id.clone(), shown.clone());
        f.write(move |conn, now| connecting::approve(conn, (&id, Some(&shown)), now)).await
    };
    fetched(&f, URL, &document(URL, "https://app.example/elsewhere"), None).await;
    assert_eq!(approve().await, Approval::Changed);
    assert_eq!(find(&f, URL).await.unwrap().approved_at, None);
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    assert_eq!(approve().await, Approval::Approved);
    assert_eq!(approve().await, Approval::Before);
    let disabled = id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &disabled, now)).await;
    assert_eq!(approve().await, Approval::Disabled);
    let removed = id.clone();
    f.write(move |conn, now| revocation::remove_client(conn, &removed, now)).await;
    assert_eq!(approve().await, Approval::Unknown);
    assert_eq!(f.count(Event::ClientApproved).await, 1);
}

#[tokio::test]
async fn a_disabled_client_stays_disabled_whatever_its_document_says() {
    let f = Fixture::new().await;
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let id = id(URL);
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await.unwrap();
    f.clock.advance(DAY);
    assert!(in_force(&f, URL).await, "nobody is asked about it");
    fetched(&f, URL, &document(URL, "https://app.example/other"), None).await;
    assert!(find(&f, URL).await.unwrap().disabled_at.is_some());
    f.clock.advance(Seconds(400 * DAY.0));
    sweep(&f).await;
    assert!(find(&f, URL).await.is_some(), "and it is not forgotten");
}

#[tokio::test]
async fn a_removed_client_is_forgotten_and_comes_back_with_its_document() {
    let f = Fixture::new().await;
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let gone = id(URL);
    f.write(move |conn, now| revocation::remove_client(conn, &gone, now)).await.unwrap();
    assert!(find(&f, URL).await.is_none() && copy(&f, URL).await.is_none());
    assert!(!in_force(&f, URL).await);
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    assert!(find(&f, URL).await.unwrap().disabled_at.is_none());
}

#[tokio::test]
async fn unused_ones_make_room_for_each_other_and_for_nobody_else() {
    let f = Fixture::new().await;
    let used = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await.client_id;
    f.write(move |conn, now| clients::authorize(conn, &used, now)).await;
    let laid_down = "https://operator.example/client.json";
    lay_down(&f, laid_down, &document(laid_down, REDIRECT_URI)).await;
    let url = |number: usize| format!("https://h.example/{number}");
    for number in 0..20 {
        f.clock.advance(Seconds(1));
        fetched(&f, &url(number), &document(&url(number), REDIRECT_URI), None).await;
        assert!(f.read(client_documents::count_unused).await <= BOUNDS.unused_clients);
    }
    assert!(find(&f, URL).await.is_some() && find(&f, laid_down).await.is_some());
    let registered = f.client.client_id.clone();
    assert!(f.read(|conn| clients::find(conn, &registered)).await.is_some());
    for number in 0..20 {
        let kept = number >= 15;
        assert_eq!(find(&f, &url(number)).await.is_some(), kept, "{number}");
        assert_eq!(copy(&f, &url(number)).await.is_some(), kept, "{number}");
    }
    assert_eq!(f.count(Event::ClientDescribed).await, 6, "the record of them goes as well");
}

#[tokio::test]
async fn what_the_operator_has_limited_is_not_forgotten_with_its_limit() {
    let f = Fixture::new().await;
    let limited = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await.client_id;
    let most = Scope::requested("mcp");
    f.write(move |conn, _| clients::set_ceiling(conn, &limited, Some(&most))).await;
    for number in 0..20 {
        f.clock.advance(Seconds(1));
        let url = format!("https://h.example/{number}");
        fetched(&f, &url, &document(&url, REDIRECT_URI), None).await;
    }
    sweep(&f).await;
    let client = find(&f, URL).await.expect("it comes back under the same id, without the limit");
    assert_eq!(client.ceiling, Some(Scope::requested("mcp")));
}

#[tokio::test]
async fn the_sweeper_takes_what_nobody_has_used() {
    let f = Fixture::new().await;
    let used = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await.client_id;
    f.write(move |conn, now| clients::authorize(conn, &used, now)).await;
    let unused = "https://h.example/unused";
    fetched(&f, unused, &document(unused, REDIRECT_URI), None).await;
    assert_eq!(sweep(&f).await, 0);
    f.clock.advance(Seconds(1));
    assert_eq!(sweep(&f).await, 1);
    assert!(find(&f, unused).await.is_none() && copy(&f, unused).await.is_none());
    assert!(find(&f, URL).await.is_some() && copy(&f, URL).await.is_some());
}

#[tokio::test]
async fn a_change_is_recorded_of_what_is_in_use_only() {
    let f = Fixture::new().await;
    let changed = document(URL, "https://app.example/other");
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let client = fetched(&f, URL, &changed, None).await;
    assert_eq!(client.metadata.redirect_uris[0].as_str(), "https://app.example/other");
    assert_eq!(f.count(Event::DocumentChanged).await, 0);
    f.write(move |conn, now| clients::authorize(conn, &client.client_id, now)).await;
    fetched(&f, URL, &changed, None).await;
    assert_eq!(f.count(Event::DocumentChanged).await, 0, "the same again is no change");
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    assert_eq!(f.count(Event::DocumentChanged).await, 1);
}

pub(crate) fn document(url: &str, redirect_uri: &str) -> String {
    format!(r#"{{"client_id":"{url}","client_name":"App","redirect_uris":["{redirect_uri}"]}}"#)
}

/// The client, after its document was fetched.
pub(crate) async fn fetched(
    f: &Fixture,
    url: &str,
    text: &str,
    fresh_for: Option<Seconds>,
) -> Client {
    let (url, text) = (url.parse::<ClientIdUrl>().unwrap(), text.as_bytes().to_vec());
    let metadata = metadata_document::read(&url, &text, &BOUNDS).unwrap();
    let id = ClientId::from(&url);
    f.write(move |conn, now| {
        let copy = DocumentCopy::fetched(&text, metadata.clone(), fresh_for, now);
        document_copies::keep(conn, &url, &copy, &BOUNDS, now)?;
        Ok(clients::find(conn, &id)?.unwrap())
    })
    .await
}

async fn lay_down(f: &Fixture, url: &str, text: &str) {
    let (url, text) = (url.parse::<ClientIdUrl>().unwrap(), text.to_owned());
    f.write(move |conn, now| {
        let copy = DocumentCopy::laid_down(&url, text.as_bytes(), &BOUNDS, now).unwrap();
        document_copies::keep(conn, &url, &copy, &BOUNDS, now)
    })
    .await;
}

async fn fall_back(f: &Fixture, url: &str) -> bool {
    let url = url.parse::<ClientIdUrl>().unwrap();
    f.write(move |conn, now| document_copies::fall_back(conn, &url, &BOUNDS, now)).await
}

async fn forget_copy(f: &Fixture, url: &str) -> bool {
    let id = id(url);
    f.write(move |conn, now| document_copies::forget_copy(conn, &id, now)).await
}

async fn in_force(f: &Fixture, url: &str) -> bool {
    let (url, now) = (url.parse().unwrap(), f.clock.now());
    f.read(|conn| is_in_force(conn, &url, now)).await
}

/// Of what was first seen before now.
async fn sweep(f: &Fixture) -> usize {
    f.write(|conn, now: UnixTime| client_documents::delete_unused(conn, now, 500)).await
}

async fn find(f: &Fixture, url: &str) -> Option<Client> {
    f.read(|conn| clients::find(conn, &id(url))).await
}

async fn copy(f: &Fixture, url: &str) -> Option<ClientDocument> {
    f.read(|conn| client_documents::find(conn, &id(url))).await
}

fn id(url: &str) -> ClientId {
    url.parse().unwrap()
}
