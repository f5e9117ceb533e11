//! What the settings declare: put into force at each start, and repeated without effect.

use mcp_oauthd::accounts::Username;
use mcp_oauthd::accounts::declared::{DeclarationError, declare_owner, declare_resource};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::DeclaredResource;
use mcp_oauthd::gate::rule_book::{self, Removal};
use mcp_oauthd::mcp::{Rule, RuleKind};
use mcp_oauthd::oauth::{ResourceUri, Scope, TokenHash};
use mcp_oauthd::storage::events;
use mcp_oauthd::storage::resources::{self, Resource};
use mcp_oauthd::storage::{Event, Role, resource_rules, users};

use crate::fixture::{Fixture, hashed};

const URI: &str = "https://declared.example/mcp";
const OVERLAP: Seconds = Seconds(3600);

#[tokio::test]
async fn a_declared_resource_is_added() {
    let f = Fixture::new().await;
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    let stored = stored(&f).await;
    assert_eq!((stored.id.as_str(), stored.uri.as_str()), ("wiki", URI));
    assert_eq!(stored.name.as_deref(), Some("The wiki"));
    assert!(stored.accepts(&TokenHash::of("secret-1"), f.clock.now()));
}

#[tokio::test]
async fn declaring_it_again_changes_nothing() {
    let f = Fixture::new().await;
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    let before = f.dump().await;
    f.clock.advance(Seconds(100));
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    // What is not declared is left as it is.
    declare(&f, resource(None, None)).await.unwrap();
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn another_spelling_of_the_url_is_taken_over() {
    let f = Fixture::new().await;
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    let respelt = DeclaredResource {
        uri: "https://DECLARED.example:443/mcp/".parse().unwrap(),
        ..resource(Some("wiki"), Some("secret-1"))
    };
    declare(&f, respelt).await.unwrap();
    let stored = stored(&f).await;
    assert_eq!(stored.uri.as_str(), "https://DECLARED.example:443/mcp/");
    assert_eq!((stored.id.as_str(), stored.canonical.as_str()), ("wiki", URI));
    assert!(stored.accepts(&TokenHash::of("secret-1"), f.clock.now()));
}

#[tokio::test]
async fn a_changed_secret_replaces_the_old_one_with_overlap() {
    let f = Fixture::new().await;
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    declare(&f, resource(Some("wiki"), Some("secret-2"))).await.unwrap();
    assert_eq!(f.count(Event::SecretRotated).await, 1);
    let stored = stored(&f).await;
    let accepts = |secret| stored.accepts(&TokenHash::of(secret), f.clock.now());
    f.clock.advance(Seconds(OVERLAP.0 - 1));
    assert!(accepts("secret-1") && accepts("secret-2"));
    f.clock.advance(Seconds(1));
    assert!(!accepts("secret-1") && accepts("secret-2"));
}

#[tokio::test]
async fn a_resource_without_a_secret_accepts_none() {
    let f = Fixture::new().await;
    declare(&f, resource(None, None)).await.unwrap();
    let without = stored(&f).await;
    assert!(!without.accepts(&TokenHash::of(""), f.clock.now()));
    declare(&f, resource(None, Some("secret-1"))).await.unwrap();
    let with = stored(&f).await;
    assert_eq!(with.id, without.id);
    assert!(with.accepts(&TokenHash::of("secret-1"), f.clock.now()));
}

#[tokio::test]
async fn a_changed_name_or_id_is_taken_over_and_keeps_the_secret() {
    let f = Fixture::new().await;
    declare(&f, resource(Some("wiki"), Some("secret-1"))).await.unwrap();
    let renamed = DeclaredResource {
        name: Some("Our wiki".to_owned()),
        ..resource(Some("wiki-2"), Some("secret-1"))
    };
    declare(&f, renamed).await.unwrap();
    let stored = stored(&f).await;
    assert_eq!((stored.id.as_str(), stored.name.as_deref()), ("wiki-2", Some("Our wiki")));
    assert!(stored.accepts(&TokenHash::of("secret-1"), f.clock.now()));
}

#[tokio::test]
async fn declared_rules_are_those_of_the_settings_and_the_operators_stay() {
    let f = Fixture::new().await;
    let rule = |name: &str| {
        let offered = Scope::requested("admin");
        Rule::for_names(RuleKind::Needs, "admin", None, &[name.to_owned()], &offered).unwrap()
    };
    let with = |rules: &[Vec<Rule>]| DeclaredResource {
        rules: rules.concat(),
        ..resource(Some("wiki"), Some("secret-1"))
    };
    declare(&f, with(&[rule("delete_*"), rule("purge")])).await.unwrap();
    let (own, wiki) = (rule("own")[0].clone(), stored(&f).await);
    f.write(move |conn, now| rule_book::add(conn, &wiki, &own, false, now)).await;
    let before = f.dump().await;
    declare(&f, with(&[rule("delete_*"), rule("purge")])).await.unwrap();
    assert!(f.dump().await == before, "declaring them again changes nothing");
    declare(&f, with(&[rule("purge"), rule("own")])).await.unwrap();
    let wiki = stored(&f).await;
    let rules = f.read(move |conn| resource_rules::list(conn, &wiki)).await;
    let rules: Vec<_> = rules.iter().map(|r| (r.rule.name.to_string(), r.declared)).collect();
    assert_eq!(rules, [("purge".to_owned(), true), ("own".to_owned(), false)]);
    assert_eq!((f.count(Event::RuleAdded).await, f.count(Event::RuleRemoved).await), (3, 1));
    let recorded = f.read(|conn| events::list(conn, 1000)).await;
    let removed = recorded.iter().find(|one| one.kind.known() == Some(Event::RuleRemoved)).unwrap();
    let subject = &removed.subject;
    assert!(subject.detail.as_deref().unwrap().contains("delete_*"), "which one: {subject:?}");
    assert_eq!(subject.resource.as_ref().map(ResourceUri::as_str), Some(URI));
    // While the settings name the resource, they have the last word; then the operator has.
    let removed = async |uri: &'static str| {
        let wiki = stored(&f).await;
        f.write(move |conn, now| {
            rule_book::undeclare_all_but(conn, &[uri.parse().unwrap()])?;
            let purge = resource_rules::list(conn, &wiki)?[0].id;
            rule_book::remove(conn, &wiki, purge, now)
        })
        .await
    };
    assert_eq!(removed(URI).await, Removal::Declared);
    assert_eq!(removed("https://other.example/mcp").await, Removal::Done);
}

#[tokio::test]
async fn declared_scopes_are_in_force_at_each_start_and_undeclared_ones_are_left() {
    let f = Fixture::new().await;
    let with = |scopes: Option<&str>| DeclaredResource {
        scopes: scopes.map(Scope::requested),
        ..resource(Some("wiki"), None)
    };
    declare(&f, with(Some("mcp read"))).await.unwrap();
    assert_eq!(stored(&f).await.scopes, Some(Scope::requested("mcp read")));
    let before = f.dump().await;
    declare(&f, with(Some("read mcp"))).await.unwrap();
    declare(&f, with(None)).await.unwrap();
    assert!(f.dump().await == before, "declaring them again changes nothing");
    let unsettled = declare(&f, with(Some("read"))).await.unwrap_err();
    assert!(matches!(unsettled, DeclarationError::Unsettled { .. }), "{unsettled}");
    assert!(f.dump().await == before);
    crate::access::settle(&f).await;
    declare(&f, with(Some("read"))).await.unwrap();
    assert_eq!(stored(&f).await.scopes, Some(Scope::requested("read")));
    assert_eq!(f.count(Event::ScopesChanged).await, 2);
}

#[tokio::test]
async fn an_id_that_another_resource_has_is_refused() {
    let f = Fixture::new().await;
    let id = f.resource.id.as_str().to_owned();
    let before = f.dump().await;
    let error = declare(&f, resource(Some(&id), None)).await.unwrap_err();
    assert!(matches!(&error, DeclarationError::IdTaken { .. }), "{error}");
    for part in ["MCP_OAUTH_INTROSPECTION_ID", f.resource.uri.as_str(), URI, "no login ends"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(f.dump().await == before);
    // Nor can a stored one take it.
    declare(&f, resource(Some("wiki"), None)).await.unwrap();
    let error = declare(&f, resource(Some(&id), None)).await.unwrap_err();
    assert!(matches!(error, DeclarationError::IdTaken { .. }), "{error}");
    assert_eq!(stored(&f).await.id.as_str(), "wiki");
}

#[tokio::test]
async fn the_declared_owner_is_made_once_and_the_password_is_never_overwritten() {
    let f = Fixture::new().await;
    let grace = Username::parse("Grace").unwrap();
    for password in ["correct horse", "battery staple"] {
        let (name, password) = (grace.clone(), hashed(password).await);
        f.write(move |conn, now| declare_owner(conn, &name, &password, now)).await;
        let made = f.read(|conn| users::find_by_name(conn, "grace")).await.unwrap();
        assert_eq!(made.role, Role::Owner);
    }
    assert_eq!(f.count(Event::UserAdded).await, 1);
    // Somebody who is there already keeps role and password.
    let (ada, password) = (Username::parse("ada").unwrap(), hashed("correct horse").await);
    f.write(move |conn, now| declare_owner(conn, &ada, &password, now)).await;
    let kept = f.read(|conn| users::find_by_name(conn, "ada")).await.unwrap();
    assert_eq!((kept.role, kept.password_hash), (f.user.role, f.user.password_hash.clone()));
}

fn resource(id: Option<&str>, secret: Option<&str>) -> DeclaredResource {
    DeclaredResource {
        uri: URI.parse().unwrap(),
        name: id.map(|_| "The wiki".to_owned()),
        introspection_id: id.map(|id| id.parse().unwrap()),
        introspection_secret: secret.map(Into::into),
        rules: vec![],
        scopes: None,
    }
}

async fn declare(f: &Fixture, declared: DeclaredResource) -> Result<(), DeclarationError> {
    let now = f.clock.now();
    f.storage.write(move |conn| declare_resource(conn, &declared, OVERLAP, now)).await
}

async fn stored(f: &Fixture) -> Resource {
    f.read(|conn| resources::find_by_uri(conn, &URI.parse().unwrap())).await.unwrap()
}
