//! Who may use a resource, and what of it; pausing; ending everything.

use mcp_oauthd::accounts::setup;
use mcp_oauthd::authorization::consent::{self, Obstacle};
use mcp_oauthd::authorization::{admission, pause, request};
use mcp_oauthd::oauth::ErrorCode::{AccessDenied, InvalidGrant};
use mcp_oauthd::oauth::{IntrospectionId, Scope, ScopeHierarchy};
use mcp_oauthd::revocation;
use mcp_oauthd::revocation::ending;
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::resources::{self, Resource};
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{Audience, Event, RevokedBecause, resource_people};

use crate::fixture::{self, CODE_LIFETIME, Fixture, offered, sign_in};

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

impl Fixture {
    pub(crate) async fn open_to(&self, audience: Audience, scope: Option<&'static str>) {
        let resource = self.resource.clone();
        let open = self.decide(move |conn, now| {
            let scope = scope.map(self::scope);
            admission::open_to(conn, &resource, (audience, scope.as_ref()), now)
        });
        open.await.unwrap();
    }

    pub(crate) async fn allow(&self, user: &User, scope: Option<&'static str>) -> usize {
        let (resource, id) = (self.resource.clone(), user.id.clone());
        let allow = self.decide(move |conn, now| {
            let scope = scope.map(self::scope);
            admission::allow(conn, &resource, &id, scope.as_ref(), now)
        });
        allow.await.unwrap()
    }

    async fn disallow(&self, user: &User) -> Option<usize> {
        let (resource, id) = (self.resource.clone(), user.id.clone());
        let disallow = self.decide(move |conn, now| admission::disallow(conn, &resource, &id, now));
        disallow.await.unwrap()
    }

    /// What the person is asked, or why not; and what a yes leads to.
    pub(crate) async fn obstacle(&self) -> Option<Obstacle> {
        let (asked, user) = (self.asked(&self.client), self.user.clone());
        let seen = self.decide(move |conn, now| {
            let signed_in = sign_in(conn, &user, now)?;
            let cookie = request::keep(conn, &asked, CODE_LIFETIME, 100, now)?;
            let pending = consent::find(conn, &cookie, now)?;
            let client = consent::client(conn, &pending)?;
            let why =
                consent::grantable(conn, (&client, &pending), &signed_in, &offered(), now)?.err();
            Ok((cookie.reveal(), signed_in, why))
        });
        let (cookie, signed_in, why) = seen.await.unwrap();
        let kind = mcp_oauthd::oauth::TokenKind::AuthorizationRequest;
        let yes = self.decide(move |conn, now| {
            let cookie = mcp_oauthd::oauth::TokenSecret::parse(kind, &cookie).unwrap();
            fixture::approve(conn, &cookie, &signed_in, now)
        });
        let yes = yes.await;
        assert_eq!(yes.is_err(), why.is_some(), "the page and the decision agree");
        assert!(yes.is_ok() || yes.unwrap_err().code == AccessDenied);
        why
    }

    async fn resource_now(&self) -> Resource {
        let uri = self.resource.uri.clone();
        self.read(move |conn| resources::find_by_uri(conn, &uri)).await.unwrap()
    }
}

#[tokio::test]
async fn who_is_not_named_cannot_say_yes() {
    let f = Fixture::new().await;
    assert_eq!(f.obstacle().await, None);
    f.open_to(Audience::Named, None).await;
    assert_eq!(f.obstacle().await, Some(Obstacle::NotAdmitted));
    let bob = f.add_user("bob").await;
    f.allow(&bob, None).await;
    assert_eq!(f.obstacle().await, Some(Obstacle::NotAdmitted), "another one is named");
    f.allow(&f.user, None).await;
    assert_eq!(f.obstacle().await, None);
    assert_eq!(f.disallow(&f.user).await, Some(0));
    assert_eq!(f.obstacle().await, Some(Obstacle::NotAdmitted));
    assert_eq!(f.disallow(&f.user).await, None, "not named any more");
    assert_eq!(f.count(Event::PersonDisallowed).await, 1);
}

#[tokio::test]
async fn a_yes_is_for_what_the_person_may_have() {
    let f = Fixture::new().await;
    f.open_to(Audience::Everybody, Some("read")).await;
    assert_eq!(f.connect().await.scope, "read");
    f.allow(&f.user, Some("mcp")).await;
    assert_eq!(f.connect().await.scope, "mcp", "what is said by name counts first");
    f.allow(&f.user, Some("admin")).await;
    assert_eq!(f.obstacle().await, Some(Obstacle::NothingLeft));
    f.allow(&f.user, None).await;
    assert_eq!(f.connect().await.scope, "mcp read");
}

#[tokio::test]
async fn whoever_is_taken_off_is_out_at_once() {
    let f = Fixture::new().await;
    f.allow(&f.user, None).await;
    f.open_to(Audience::Named, None).await;
    let pair = f.connect().await;
    assert_eq!(f.disallow(&f.user).await, Some(1));
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::NotAdmitted));
    let said = (Event::GrantRevoked, Some("not_admitted".to_owned()));
    assert!(f.events().await.contains(&said));
}

#[tokio::test]
async fn narrowing_ends_the_grants_that_have_more_and_no_others() {
    let f = Fixture::new().await;
    let broad = f.connect().await;
    f.open_to(Audience::Everybody, Some("read")).await;
    assert!(!f.is_active(&broad.access_token).await, "before any row of it says so");
    assert_eq!(settle(&f).await, 1);
    let narrow = f.connect().await;
    assert_eq!(narrow.scope, "read");
    assert_eq!(f.allow(&f.user, Some("read mcp")).await, 0);
    assert!(f.is_active(&narrow.access_token).await);
    assert_eq!(f.allow(&f.user, Some("mcp")).await, 1);
    assert!(!f.is_active(&narrow.access_token).await);
}

#[tokio::test]
async fn a_code_on_its_way_is_worth_what_the_person_still_may_have() {
    let f = Fixture::new().await;
    let (less, nothing, out) = (f.code().await, f.code().await, f.code().await);
    f.open_to(Audience::Everybody, Some("read")).await;
    assert_eq!(f.redeem(&f.code_form(&less)).await.unwrap().scope, "read");
    settle(&f).await;
    f.open_to(Audience::Everybody, Some("admin")).await;
    assert_eq!(f.redeem(&f.code_form(&nothing)).await.unwrap_err().code, InvalidGrant);
    settle(&f).await;
    f.open_to(Audience::Named, None).await;
    assert_eq!(f.redeem(&f.code_form(&out)).await.unwrap_err().code, InvalidGrant);
}

#[tokio::test]
async fn a_resource_for_named_people_ends_the_others_and_spares_the_named() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.allow(&f.user, None).await;
    f.open_to(Audience::Named, None).await;
    assert!(f.is_active(&pair.access_token).await, "she is named");
    assert_eq!(settle(&f).await, 0);
    assert!(f.is_active(&pair.access_token).await);

    f.open_to(Audience::Everybody, None).await;
    assert_eq!(f.disallow(&f.user).await, Some(0), "everybody may");
    settle(&f).await;
    f.open_to(Audience::Named, None).await;
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.grants().await[0].revoked_at, None, "its row does not say so yet");
    assert_eq!(settle(&f).await, 1);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::NotAdmitted));
    assert_eq!(f.resource_now().await.narrowed_up_to, None);
    f.open_to(Audience::Everybody, None).await;
    assert!(!f.is_active(&pair.access_token).await, "what has ended stays ended");
}

#[tokio::test]
async fn while_a_resource_is_paused_no_token_is_good_and_no_login_is_lost() {
    let f = Fixture::new().await;
    let (pair, code) = (f.connect().await, f.code().await);
    let one = f.resource.clone();
    assert_eq!(f.write(move |conn, now| pause::pause(conn, Some(&one), now)).await, 1);
    assert!(!f.is_active(&pair.access_token).await);
    let pair = f.refresh(pair.refresh()).await.unwrap();
    assert!(!f.is_active(&pair.access_token).await);
    f.redeem(&f.code_form(&code)).await.unwrap();
    assert_eq!(f.obstacle().await, Some(Obstacle::Paused));
    assert_eq!(f.write(|conn, now| pause::resume(conn, None, now)).await, 1);
    assert!(f.is_active(&pair.access_token).await);
    assert_eq!(f.obstacle().await, None);
    assert_eq!(f.write(|conn, now| pause::resume(conn, None, now)).await, 0, "nothing is paused");
    let counts = (f.count(Event::ResourcePaused).await, f.count(Event::ResourceResumed).await);
    assert_eq!(counts, (1, 1));
}

#[tokio::test]
async fn a_resource_that_is_added_while_all_are_paused_is_paused_too() {
    let f = Fixture::new().await;
    let add = |url: &'static str| {
        f.write(move |conn, now| {
            let named = (IntrospectionId::generate(), None);
            setup::add_resource(conn, &url.parse().unwrap(), named, None, now)
        })
    };
    assert!(add("https://b.example").await.paused_at.is_none());
    let one = f.resource.clone();
    f.write(move |conn, now| pause::pause(conn, Some(&one), now)).await;
    assert!(add("https://c.example").await.paused_at.is_none(), "one is open");
    assert_eq!(f.write(|conn, now| pause::pause(conn, None, now)).await, 2);
    assert!(add("https://d.example").await.paused_at.is_some());
}

#[tokio::test]
async fn everything_is_over_before_its_rows_say_so() {
    let f = Fixture::new().await;
    let (pair, code) = (f.connect().await, f.code().await);
    f.write(|conn, now| ending::of_resource(conn, None, now)).await;
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.redeem(&f.code_form(&code)).await.unwrap_err().code, InvalidGrant, "on its way");
    assert_eq!(f.grants().await[0].revoked_at, None);
    let later = f.connect().await;
    assert!(f.is_active(&later.access_token).await, "who comes afterwards is let in");
    assert_eq!(settle(&f).await, 1);
    assert_eq!(f.resource_now().await.ended_up_to, None);
    assert!(f.is_active(&later.access_token).await);
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(settle(&f).await, 0, "there is nothing left to do");
}

#[tokio::test]
async fn ending_reaches_every_grant_of_the_resource_and_none_of_another() {
    let f = Fixture::new().await;
    let like = f.connect().await;
    let id = f.grants().await[0].id;
    let grant = f.read(move |conn| grants::find(conn, id)).await.unwrap();
    // More than two batches of it, and as many elsewhere.
    f.write(move |conn, _| {
        for n in 0..1100 {
            let elsewhere = "https://other.example/mcp".parse().unwrap();
            let resource = if n % 2 == 0 { grant.resource.clone() } else { elsewhere };
            grants::insert(conn, |id| Grant { id, resource: resource.clone(), ..grant.clone() })?;
        }
        Ok(())
    })
    .await;
    let one = f.resource.clone();
    f.write(move |conn, now| ending::of_resource(conn, Some(&one), now)).await;
    assert!(!f.is_active(&like.access_token).await);
    assert_eq!(settle(&f).await, 551);
    let all = grants::Narrowing { with_revoked: true, ..grants::Narrowing::default() };
    let last = mcp_oauthd::oauth::GrantId(i64::MAX);
    let all = f.read(move |conn| grants::list(conn, &all, last, 2000)).await;
    assert_eq!(all.iter().filter(|grant| grant.revoked_at.is_none()).count(), 550);
}

#[tokio::test]
async fn what_a_killed_process_has_ended_the_sweeper_writes_down() {
    let f = Fixture::new().await;
    f.connect().await;
    f.write(|conn, now| ending::of_resource(conn, None, now)).await;
    let sources = mcp_oauthd::config::Sources::gather(&[], None, []).unwrap();
    let config = mcp_oauthd::config::Config::from_sources(&sources).unwrap();
    let now = f.clock.now();
    mcp_oauthd::sweeper::sweep(&f.storage, &config.lifetimes, now).await.unwrap();
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::Operator));
}

#[tokio::test]
async fn everything_of_a_client_or_a_person_is_over_and_may_begin_again() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let (pair, code, others) = (f.connect().await, f.code().await, f.code_of(&other).await);
    let id = f.client.client_id.clone();
    assert_eq!(f.write(move |conn, now| ending::of_client(conn, &id, now)).await, 1);
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.redeem(&f.code_form(&code)).await.unwrap_err().code, InvalidGrant);

    let (pair, signed_in) = (f.connect().await, f.sign_in(&f.user).await);
    let id = f.user.id.clone();
    assert_eq!(f.write(move |conn, now| ending::of_user(conn, &id, now)).await, 1);
    assert!(!f.is_active(&pair.access_token).await);
    let form = f.code_form(&others).with("client_id", other.client_id.as_str());
    assert!(f.redeem(&form).await.is_err(), "the person's code to another client");
    let session = signed_in.session().id;
    assert!(f.read(|conn| mcp_oauthd::storage::sessions::find(conn, session)).await.is_none());
    assert!(f.is_active(&f.connect().await.access_token).await);
    assert_eq!(f.count(Event::GrantsEnded).await, 2);
}

#[tokio::test]
async fn who_is_removed_is_named_nowhere() {
    let f = Fixture::new().await;
    f.allow(&f.user, None).await;
    let (id, resource) = (f.user.id.clone(), f.resource.clone());
    f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap();
    assert_eq!(f.read(|conn| resource_people::count(conn, &resource)).await, 0);
    let bob = f.add_user("bob").await;
    f.allow(&bob, None).await;
    let gone = f.resource.clone();
    f.write(move |conn, now| revocation::remove_resource(conn, &gone, now)).await;
    assert_eq!(f.read(|conn| resource_people::count(conn, &resource)).await, 0);
    let (id, gone) = (bob.id.clone(), f.resource.clone());
    let late = f.decide(move |conn, now| admission::allow(conn, &gone, &id, None, now)).await;
    assert!(late.is_err(), "the resource is gone");
}

#[test]
fn only_scopes_that_are_offered_can_be_given() {
    let offered = scope("mcp read");
    let direct = [("mcp".to_owned(), scope("read"))].into();
    let hierarchy = ScopeHierarchy::new(&direct).unwrap();
    let read = |text: &str| admission::scope(text, &offered, &hierarchy);
    assert_eq!(read("  ").unwrap(), None);
    assert_eq!(read(" read  mcp").unwrap(), Some(offered.clone()));
    assert_eq!(read("read").unwrap(), Some(scope("read")));
    assert_eq!(read("mcp").unwrap(), Some(offered.clone()), "with what it includes");
    for text in ["admin", "read admin", "read \u{e4}"] {
        assert!(read(text).is_err(), "{text}");
    }
}

pub(crate) async fn settle(f: &Fixture) -> usize {
    ending::settle(&f.storage, f.clock.now()).await.unwrap()
}
