//! Every page with every part that it can show.

mod asked;
mod changes;
mod dress;
mod who;

use askama::Template;
use asked::asked_for;

use super::brand::Brand;
use super::consent::{ClientOrigin, Consent};
use super::error::{Back, ErrorPage};
use super::home::{Home, State};
use super::instructions::ShownRecipe;
use super::language::Language;
use super::problem::Problem;
use super::recipes::RecipeError;
use super::setup::{Field, Setup, SetupDone};
use super::sign_in::{SignIn, Ways};
use super::sign_out::{Account, SignedOut};
use super::snippets::Snippets;
use super::{ContentPolicy, Frame, Nav};
use crate::clock::{Seconds, UnixTime};
use crate::config::{Config, Sources};
use crate::oauth::{Destination, TokenId};
use crate::storage::sign_ins::Goal;

fn frame() -> Frame {
    let issuer = "https://auth.example.org/as".parse().unwrap();
    let now = UnixTime(1_790_000_000);
    let mut frame = Frame::new(&issuer, &Brand::default(), Language::English, now);
    // The hash in the names would change every snapshot with each change of the look.
    frame.stylesheet = "/as/assets/style.css".to_owned();
    frame.mark = "/as/assets/mark.svg".to_owned();
    frame
}

fn nav() -> Nav {
    let (username, csrf) = ("mia".to_owned(), "csrf-token".to_owned());
    Nav { username, account: true, owner: true, here: "/", csrf }
}

fn sign_in(username: &str, problem: Option<Problem>) -> SignIn {
    SignIn {
        frame: frame(),
        goal: Goal::Request(TokenId(17)),
        csrf: "csrf-token".to_owned(),
        username: username.to_owned(),
        ways: Ways { password: true, ..Ways::default() },
        problem,
        passkey: None,
    }
}

fn consent(name: &str, origin: ClientOrigin, destination: Destination) -> Consent {
    Consent {
        frame: frame(),
        request: "17".to_owned(),
        csrf: "csrf-token".to_owned(),
        client_name: name.to_owned(),
        client_origin: origin,
        pose: None,
        changes: None,
        shown: "0011223344556677".to_owned(),
        destination,
        resource_name: Some("Team wiki".to_owned()),
        resource: "https://wiki.example.org/mcp".to_owned(),
        scopes: asked_for(&["mcp"]),
        username: "mia".to_owned(),
    }
}

fn snippets(settings: &[(&str, &str)], secret: Option<&str>) -> Snippets {
    let issuer = ("MCP_OAUTH_ISSUER", "https://auth.example.org/as");
    let environment = settings.iter().chain([&issuer]);
    let environment = environment.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let sources = Sources::gather(&[], None, environment).unwrap();
    Snippets::new(
        &Config::from_sources(&sources).unwrap(),
        "https://wiki.example.org/mcp".parse().unwrap(),
        "mcprExampleExampleExample1".parse().unwrap(),
        secret.map(str::to_owned),
    )
}

const SECRET: Option<&str> = Some("mcpkExampleExampleExampleExampleExampleExample1");

fn error_page(back: Option<Back>) -> ErrorPage {
    ErrorPage {
        frame: frame(),
        title: "This app is not known here",
        message: "The app that sent you is not registered, or no longer. Remove the connection in \
                  the app and add it again."
            .to_owned(),
        request_id: "0190b7c4-4a1e-7d3c-9d5e-0d7a6f1c2b3a".to_owned(),
        back,
    }
}

fn pages() -> Vec<(&'static str, String)> {
    [consent_pages(), who::pages(), form_pages(), other_pages()].concat()
}

fn consent_pages() -> Vec<(&'static str, String)> {
    let web = || Destination::Web("claude.ai".to_owned());
    let described = ClientOrigin::MetadataDocument { host: "claude.ai".to_owned() };
    let loopback = Destination::Loopback("127.0.0.1".to_owned());
    let app = Destination::App("cursor".to_owned());
    let mut configured = consent("Notebook", ClientOrigin::Configured, web());
    configured.scopes = asked_for(&["files:read", "mcp", "offline_access"]);
    configured.resource_name = None;
    let registered = |name, destination| consent(name, ClientOrigin::Registered, destination);
    vec![
        ("consent_web", consent("Claude", described, web()).render().unwrap()),
        ("consent_changed", changes::changed().render().unwrap()),
        ("consent_loopback", registered("Claude Code (wiki)", loopback).render().unwrap()),
        ("consent_app", registered("Cursor", app).render().unwrap()),
        ("consent_configured", configured.render().unwrap()),
    ]
}

fn form_pages() -> Vec<(&'static str, String)> {
    let setup = |username: &str, resource: &str| Setup {
        frame: frame(),
        token: "mln_example".to_owned(),
        username: Field { value: username.to_owned(), problem: None },
        by_password: true,
        password_problem: None,
        resource: Field { value: resource.to_owned(), problem: None },
    };
    let mut wrong = setup("mia", "wiki.example.org");
    wrong.username.problem = Some("This name is taken.".to_owned());
    wrong.password_problem = Some("This password is one that anybody would try.".to_owned());
    wrong.resource.problem = Some("The address is not an absolute URL.".to_owned());
    let wrong_sign_in = sign_in("mia", Some(Problem::WrongCredentials));
    let throttled = sign_in("mia", Some(Problem::TooManyAttempts(Seconds(60))));
    vec![
        ("sign_in", sign_in("", None).render().unwrap()),
        ("sign_in_wrong", wrong_sign_in.render().unwrap()),
        ("sign_in_throttled", throttled.render().unwrap()),
        ("sign_in_stale", sign_in("", Some(Problem::StaleForm)).render().unwrap()),
        ("setup", setup("", "https://wiki.example.org/mcp").render().unwrap()),
        ("setup_wrong", wrong.render().unwrap()),
    ]
}

fn other_pages() -> Vec<(&'static str, String)> {
    let back = Back {
        href: "https://claude.ai/api/mcp/auth_callback?error=invalid_scope&state=a%26b".to_owned(),
        place: "claude.ai".to_owned(),
    };
    let home = |state, nav| Home {
        frame: Frame { nav, ..frame() },
        state,
        metadata_url: "https://auth.example.org/.well-known/oauth-authorization-server/as"
            .to_owned(),
    };
    let account = Account { username: "mia".to_owned(), csrf: "csrf-token".to_owned() };
    let ready = State::Ready { resources: vec!["https://wiki.example.org/mcp".to_owned()] };
    let recipe = |proxy, text: &str| ShownRecipe { proxy, text: text.to_owned() };
    let recipes =
        || Ok(vec![recipe("nginx", "server { listen 80; }"), recipe("Caddy", ":80 <br>")]);
    let done = |snippets, recipes| SetupDone {
        second_factor: None,
        frame: frame(),
        username: "mia".to_owned(),
        snippets,
        owner_pages: true,
        by_password: true,
        recipes,
    };
    let internal = [("MCP_OAUTH_INTERNAL_LISTEN", "0.0.0.0:9090")];
    let none = RecipeError::BothAtRoot("https://wiki.example.org".to_owned());
    vec![
        ("setup_done", done(snippets(&[], SECRET), recipes()).render().unwrap()),
        ("setup_done_declared", done(snippets(&internal, None), recipes()).render().unwrap()),
        ("without_recipes", done(snippets(&[], SECRET), Err(none)).render().unwrap()),
        ("signed_out", SignedOut { frame: frame(), account: None }.render().unwrap()),
        ("sign_out", SignedOut { frame: frame(), account: Some(account) }.render().unwrap()),
        ("error", error_page(None).render().unwrap()),
        ("error_with_way_back", error_page(Some(back)).render().unwrap()),
        ("home", home(ready, Some(nav())).render().unwrap()),
        ("home_not_set_up", home(State::NotSetUp, None).render().unwrap()),
    ]
}

/// Values of an attribute, wherever it stands.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_pages_say_what_they_said() {
    let shown = ["consent_", "sign_in_wrong", "setup", "error_with", "home"];
    for (name, page) in pages() {
        if shown.iter().any(|part| name.starts_with(part)) {
            insta::assert_snapshot!(name, page);
        }
    }
}

#[test]
fn no_page_has_an_inline_script_or_style_or_a_part_from_elsewhere() {
    for (name, page) in pages() {
        for forbidden in ["<script>", "<style", " style=", " onclick=", "javascript:", "<iframe"] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        let links = page.split("<link ").skip(1).flat_map(|link| values(link, "href"));
        let loaded: Vec<_> = links.take(2).chain(values(&page, "src")).collect();
        let own = usize::from(name.contains("waiting"));
        assert_eq!((page.matches("<script").count(), loaded.len()), (own, 3 + own), "{name}");
        assert!(loaded.iter().all(|url| url.starts_with("/as/assets/")), "{name}: {loaded:?}");
    }
}

#[test]
fn what_belongs_together_is_tied_together() {
    for (name, page) in pages() {
        let ids = values(&page, "id");
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for attribute in ["for", "aria-describedby", "aria-labelledby"] {
            for id in values(&page, attribute).iter().flat_map(|ids| ids.split(' ')) {
                assert!(ids.contains(&id), "{name}: {attribute}={id}");
            }
        }
        let visible = page.matches("<input ").count() - page.matches("type=\"hidden\"").count();
        assert_eq!(visible, page.matches("<label ").count(), "{name}: a label for each field");
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
    }
}

#[test]
fn what_a_client_calls_itself_stands_only_in_isolated_text() {
    let name = "\"><script>alert(1)</script> \u{202e}moc.elgoog";
    let page = consent(name, ClientOrigin::Registered, Destination::App("cursor".to_owned()))
        .render()
        .unwrap();
    assert!(!page.contains("<script"), "{page}");
    let nameless = |name| consent(name, ClientOrigin::Configured, Destination::App("x".to_owned()));
    for name in ["", "\u{3164}", "\u{2800} \u{1160}"] {
        let page = nameless(name).render().unwrap();
        assert!(page.contains("<h1>Let an app without a name connect?</h1>"), "{name}");
    }
    let isolated = "<bdi>&#34;&#62;&#60;script&#62;";
    assert!(page.contains(isolated), "{page}");
    assert_eq!(page.matches("moc.elgoog").count(), 1, "{page}");
    assert!(!page.contains('\u{202e}'), "nothing may be written backwards");
}

#[test]
fn yes_and_no_are_the_same_button() {
    let page =
        consent("Claude", ClientOrigin::Configured, Destination::Web("claude.ai".to_owned()))
            .render()
            .unwrap();
    let classes: Vec<_> = page
        .split("<button ")
        .filter_map(|button| button.split('>').next())
        .filter(|button| button.contains("name=\"decision\""))
        .flat_map(|button| button.split(' ').filter(|part| part.starts_with("class=")))
        .collect();
    assert_eq!(classes, ["class=\"choice\""; 2]);
}

#[test]
fn only_after_consent_may_a_form_lead_elsewhere() {
    let closed = ContentPolicy::Closed.as_str();
    assert_eq!(closed, format!("{}; form-action 'self'", ContentPolicy::LeadsElsewhere.as_str()));
    assert!(!closed.contains("unsafe"));
}

#[test]
fn an_installation_without_a_recipe_is_told_why() {
    let (_, page) = pages().into_iter().find(|(name, _)| *name == "without_recipes").unwrap();
    assert!(
        page.contains("give MCP_OAUTH_ISSUER a path, like <bdi>https://wiki.example.org</bdi>/as."),
        "{page}"
    );
    assert!(!page.contains("Configuration:"), "{page}");
}

#[test]
fn snippets_fit_resources_at_the_root_and_on_this_machine() {
    for (resource, expected) in [
        ("https://wiki.example.org", "port=8000, path=\"/\""),
        ("https://wiki.example.org/team/mcp/", "port=8000, path=\"/team/mcp/\""),
        ("http://127.0.0.1:9000/mcp", "port=9000, path=\"/mcp\""),
        ("http://localhost/mcp", "port=8000, path=\"/mcp\""),
    ] {
        let mut snippets = snippets(&[], SECRET);
        snippets.resource = resource.parse().unwrap();
        let text = snippets.fastmcp().to_string();
        assert!(text.contains(expected), "{resource}: {text}");
        assert!(text.contains(&format!("audience=\"{resource}\"")), "{resource}: {text}");
    }
}
