//! What a page says of scopes: in the operator's words, and apart what is new.

use super::super::consent::{Asked, Glossary, ScopeLine};
use super::*;
use crate::oauth::Scope;

/// All of it for the first time.
pub(super) fn asked_for(tokens: &[&str]) -> Asked {
    let line =
        |token: &&str| ScopeLine { token: (*token).to_owned(), words: None, includes: vec![] };
    let new = tokens.iter().map(line).collect();
    Asked { new, kept: vec![] }
}

/// The settings of a wiki.
fn config() -> Config {
    let path = tempfile::NamedTempFile::new().unwrap();
    let text = r#"
        issuer = "https://auth.example.org/as"
        scopes = "read write admin mcp"
        scope_includes = "write=read"
        scope_words = "read=Read your pages & <b>notes</b>; admin=Do {} everything"
        [[scope]]
        name = "write"
        words = "Change your pages"
        words_de = "Ihre Seiten ändern"
        [[scope]]
        name = "admin"
        words = "Other"
        includes = ["write"]
    "#;
    std::fs::write(&path, text).unwrap();
    Config::from_sources(&Sources::gather(&[], Some(path.path()), []).unwrap()).unwrap()
}

/// What the page says of scopes, and its heading.
fn section(scope: &str, kept: &str, language: Language) -> String {
    let (config, web) = (config(), Destination::Web("claude.ai".to_owned()));
    let mut page = consent("Claude", ClientOrigin::Configured, web);
    page.frame.language = language;
    let (scope, kept) = (Scope::requested(scope), Scope::requested(kept));
    page.scopes = Asked::of(Glossary::new(&config, language), &scope, &kept);
    let page = page.render().unwrap();
    let (_, rest) = page.split_once("<h1>").unwrap();
    let (heading, rest) = rest.split_once("</h1>").unwrap();
    let (_, rest) = rest.split_once("<code>https://wiki.example.org/mcp</code>").unwrap();
    let (scopes, _) = rest.split_once("<button").unwrap();
    let lines = scopes.lines().filter(|line| !line.trim().is_empty()).skip(1);
    format!("<h1>{heading}</h1>\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_is_new_is_the_question_and_what_it_keeps_stands_apart() {
    use Language::{English, German};
    for (name, page) in [
        ("scopes_first", section("read write mcp", "", English)),
        ("scopes_step_up", section("admin read write", "read", English)),
        ("scopes_nothing_new", section("read write", "read write", English)),
        ("scopes_step_up_german", section("mcp read write", "mcp", German)),
    ] {
        insta::assert_snapshot!(name, page);
    }
}

#[test]
fn what_a_limit_has_left_out_is_not_said_to_be_included() {
    let page = section("admin", "", Language::English);
    assert!(page.contains("Do {} everything") && !page.contains("That includes"), "{page}");
}

#[test]
fn the_words_of_the_operator_are_text() {
    let page = section("read", "", Language::English);
    let words = "<bdi>Read your pages &#38; &#60;b&#62;notes&#60;/b&#62;</bdi>";
    assert!(page.contains(words), "{page}");
}
