//! Layouts, and what cannot be written down. That the recipes work is for `tests/proxies` to say.

use std::collections::BTreeSet;

use super::*;
use crate::config::Sources;

fn recipe(
    resource: &str,
    settings: &[(&'static str, &str)],
    upstream: Option<&str>,
) -> Result<Recipe, RecipeError> {
    let flags: Vec<_> = settings.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    let config = Config::from_sources(&Sources::gather(&flags, None, []).unwrap()).unwrap();
    let upstream = upstream.map(|text| text.parse().unwrap());
    let scope = "wiki:read a+b".parse().unwrap();
    Recipe::new(&config, &resource.parse().unwrap(), &"wiki/1".parse().unwrap(), upstream, scope)
}

fn texts(recipe: &Recipe) -> Vec<String> {
    let text = |proxy: &Proxy| recipe.text(*proxy).ok().map(|text| text.to_string());
    Proxy::ALL.iter().filter_map(text).collect()
}

#[test]
fn the_layout_follows_from_the_two_addresses() {
    const RESOURCE: &str = "https://wiki.example/mcp";
    for (issuer, shared, own_host) in [
        ("https://auth.example", false, true),
        ("https://auth.example/as", false, true),
        ("https://wiki.example:8443", false, true),
        ("https://wiki.example/as", true, false),
        ("https://WIKI.example:443/as", true, false),
        ("https://wiki.example", true, false),
        // Clients reach the service itself.
        ("http://127.0.0.1:8080", false, false),
        ("http://localhost:8080/as", false, false),
    ] {
        let recipe = recipe(RESOURCE, &[("issuer", issuer)], None).unwrap();
        assert_eq!(recipe.issuer_beside().is_some(), shared, "{issuer}");
        assert_eq!(recipe.own_host().is_some(), own_host, "{issuer}");
    }
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    for (resource, issuer, why) in [
        (
            "https://h.example",
            "https://h.example",
            "give MCP_OAUTH_ISSUER a path, like https://h.example/as",
        ),
        ("https://h.example/", "https://h.example/", "are both at the root of https://h.example"),
        (
            "https://h.example/as",
            "https://h.example/as",
            "a path of its own, like https://h.example/as",
        ),
        (
            "https://h.example/as/mcp",
            "https://h.example/as",
            "is an address of the authorization server",
        ),
        (
            "https://h.example/token",
            "https://h.example",
            "is an address of the authorization server",
        ),
        ("https://h.example/.well-known/x", "https://h.example/as", "is an address of the"),
    ] {
        let refused = recipe(resource, &[("issuer", issuer)], None).unwrap_err().to_string();
        assert!(refused.contains(why), "{resource} {issuer}: {refused}");
    }
    for (resource, issuer) in [
        ("https://h.example", "https://h.example/as"),
        ("https://h.example/tokens", "https://h.example"),
        ("https://h.example/ask", "https://h.example/as"),
        ("https://h.example/token", "https://h.example/as"),
        ("https://h.example/token", "https://auth.example"),
    ] {
        assert!(recipe(resource, &[("issuer", issuer)], None).is_ok(), "{resource} {issuer}");
    }
}

#[test]
fn two_programs_do_not_listen_at_one_address() {
    let local = "http://127.0.0.1:8000/mcp";
    let recipe_of = |settings: &[_], upstream| recipe(local, settings, upstream);
    assert_eq!(recipe_of(&[], None).unwrap().upstream.to_string(), "127.0.0.1:8001");
    assert_eq!(
        recipe("https://h.example/mcp", &[], None).unwrap().upstream.to_string(),
        "127.0.0.1:8000"
    );
    let taken = recipe_of(&[], Some("127.0.0.1:8000")).unwrap_err().to_string();
    assert!(taken.contains("on 127.0.0.1:8000, where the MCP server listens"), "{taken}");
    let shared = [("issuer", "http://127.0.0.1:8000/as"), ("listen", "127.0.0.1:8000")];
    let taken = recipe_of(&shared, None).unwrap_err().to_string();
    assert!(taken.contains("where the service listens: give MCP_OAUTH_LISTEN"), "{taken}");
}

#[test]
fn the_gate_is_asked_where_it_listens() {
    for (settings, service, gate) in [
        (&[][..], "127.0.0.1:8080", "127.0.0.1:8080"),
        (&[("listen", "0.0.0.0:9000")], "127.0.0.1:9000", "127.0.0.1:9000"),
        (&[("listen", "[::]:9000")], "[::1]:9000", "[::1]:9000"),
        (
            &[("listen", "10.0.0.1:80"), ("internal_listen", "0.0.0.0:9001")],
            "10.0.0.1:80",
            "127.0.0.1:9001",
        ),
    ] {
        let settings = [&[("issuer", "https://auth.example")], settings].concat();
        let recipe = recipe("https://h.example/mcp", &settings, None).unwrap();
        assert_eq!(
            (recipe.service.to_string(), recipe.gate.to_string()),
            (service.into(), gate.into())
        );
    }
}

#[test]
fn nothing_that_is_inserted_means_anything_in_a_proxys_language() {
    let fine =
        recipe("https://h.example/a.b/mcp", &[("issuer", "https://x.example")], None).unwrap();
    assert_eq!(fine.gate_path(), "/gate/wiki%2F1/a%2Bb+wiki:read");
    assert_eq!(fine.name(), "wiki_1");
    let nginx = fine.text(Proxy::Nginx).unwrap().to_string();
    let caddy = fine.text(Proxy::Caddy).err().unwrap().to_string();
    assert!(
        caddy.contains("Caddy cannot ask at an address with encoded characters, /gate/wiki%2F1/")
    );
    assert!(nginx.contains("location ~ ^/a\\.b/mcp(/|$) {"), "{nginx}");
    for resource in [
        "https://h.example/a;b",
        "https://h.example/a{b}",
        "https://h.example/$host",
        "https://h.example/a'b",
        "https://h.example/a%20b",
        "https://h.example/a//b",
        "https://a;b.example/mcp",
    ] {
        let refused = recipe(resource, &[], None).unwrap_err();
        assert!(matches!(refused, RecipeError::Characters(_)), "{resource}: {refused}");
    }
    let issuer = [("issuer", "https://x.example/a;b")];
    assert!(recipe("https://h.example/mcp", &issuer, None).is_err());
    for upstream in ["127.0.0.1", "h:0", "h:x", "a b:80", "h;:80", ":80", "[::1:80", "http://h:80"]
    {
        assert!(upstream.parse::<Upstream>().is_err(), "{upstream}");
    }
    for upstream in ["127.0.0.1:8000", "[::1]:8000", "wiki:80", "my-mcp.internal:443"] {
        assert_eq!(upstream.parse::<Upstream>().unwrap().to_string(), upstream);
    }
}

#[test]
fn what_is_public_reaches_the_service() {
    const FOR_SUPERVISORS_AND_PROXIES: [&str; 6] =
        ["livez", "readyz", "healthz", "metrics", "gate", "ext_authz"];
    let routes = concat!(
        include_str!("../../endpoints/mod.rs"),
        include_str!("../mod.rs"),
        include_str!("../owner/mod.rs")
    );
    let named = routes.split("(\"/").skip(1).filter_map(|rest| rest.split(['"', '/']).next());
    let named: BTreeSet<_> = named.filter(|name| !name.is_empty()).chain(["introspect"]).collect();
    assert_eq!(named, PUBLIC.into_iter().chain(FOR_SUPERVISORS_AND_PROXIES).collect());
}

#[test]
fn every_recipe_says_in_three_lines_what_to_change() {
    for (resource, issuer) in [
        ("https://h.example/mcp", "https://auth.example"),
        ("https://h.example", "https://h.example/as"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8080"),
    ] {
        for text in texts(&recipe(resource, &[("issuer", issuer)], None).unwrap()) {
            let lines: Vec<_> = text.lines().take(4).collect();
            assert!(lines[..3].iter().all(|line| line.starts_with("# ")), "{lines:#?}");
            assert!(lines[1].starts_with("# Change: ") && !lines[3].starts_with('#'), "{lines:#?}");
        }
    }
}
