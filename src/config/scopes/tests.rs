//! What is understood of scopes, and what is refused in one line that names the setting.

use super::super::{Config, Sources};
use super::*;

const SCOPES: (&str, &str) = ("SCOPES", "read write admin");

fn from(environment: &[(&str, &str)], toml: &str) -> Result<Config, ConfigError> {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, toml).unwrap();
    let variable = |(name, text): &(&str, &str)| (format!("MCP_OAUTH_{name}"), (*text).to_owned());
    let sources = Sources::gather(&[], Some(path.path()), environment.iter().map(variable))?;
    Config::from_sources(&sources)
}

fn with(setting: &str, text: &str) -> Result<Config, ConfigError> {
    from(&[SCOPES, (setting, text)], "")
}

#[test]
fn words_are_what_stands_behind_the_scope() {
    let config = with("SCOPE_WORDS", " read = Read, and a=b ;write=Change it;; ").unwrap();
    assert_eq!(config.scope_words.of("read", "en"), Some("Read, and a=b"));
    assert_eq!(config.scope_words.of("write", "de"), Some("Change it"));
    assert_eq!(config.scope_words.of("admin", "en"), None);
    let offline = with("SCOPE_WORDS", "offline_access=Stay").unwrap();
    assert_eq!(offline.scope_words.of("offline_access", "en"), Some("Stay"));
}

#[test]
fn what_includes_what_is_followed_to_the_end() {
    let config = with("SCOPE_INCLUDES", "write=read; admin=write").unwrap();
    let expand = |text| config.scope_hierarchy.expand(&Scope::requested(text)).to_string();
    assert_eq!(expand("read"), "read");
    assert_eq!(expand("write"), "read write");
    assert_eq!(expand("admin"), "admin read write");
    assert!(with("SCOPE_INCLUDES", "").unwrap().scope_hierarchy.is_empty());
}

#[test]
fn a_table_says_both_and_the_plain_settings_come_before_it() {
    let toml = r#"
        scopes = "read write admin"
        [[scope]]
        name = "write"
        words = "Change it"
        words_de = "Es ändern"
        includes = ["read"]
        [[scope]]
        name = "admin"
        includes = "write"
    "#;
    let config = from(&[], toml).unwrap();
    assert_eq!(config.scope_words.of("write", "en"), Some("Change it"));
    assert_eq!(config.scope_words.of("write", "de"), Some("Es ändern"));
    assert_eq!(config.scope_hierarchy.included_in("admin"), Scope::requested("read write"));
    let plain = [("SCOPE_WORDS", "write=Other words"), ("SCOPE_INCLUDES", "admin=read")];
    let config = from(&plain, toml).unwrap();
    assert_eq!(config.scope_words.of("write", "en"), Some("Other words"));
    assert_eq!(config.scope_words.of("write", "de"), Some("Es ändern"), "nobody said otherwise");
    assert_eq!(config.scope_hierarchy.included_in("admin"), Scope::requested("read"));
}

#[test]
fn a_resource_has_scopes_of_its_own_with_what_they_include() {
    let resource = |scopes: &str| {
        let toml = format!("[[resource]]\nurl = \"https://a.example/mcp\"\nscopes = {scopes}");
        from(&[SCOPES, ("SCOPE_INCLUDES", "write=read")], &toml)
    };
    let scopes = |text| resource(text).unwrap().resources[0].scopes.clone();
    assert_eq!(scopes("\"write\""), Some(Scope::requested("read write")));
    assert_eq!(scopes("[\"read\"]"), Some(Scope::requested("read")));
    for text in ["\"delete\"", "\"\"", "[]", "\"read  write\""] {
        let error = resource(text).unwrap_err().to_string();
        assert!(error.starts_with("[[resource]] scopes of https://a.example/mcp: "), "{error}");
    }
}

#[test]
fn the_rules_of_a_resource_are_about_its_own_scopes() {
    let rule = |needs: &str| {
        let toml = format!(
            "[[resource]]\nurl = \"https://a.example\"\nscopes = \"read\"\n\
             [[resource.rule]]\nneeds = \"{needs}\""
        );
        from(&[SCOPES], &toml)
    };
    assert_eq!(rule("read").unwrap().resources[0].rules.len(), 1);
    let error = rule("write").unwrap_err().to_string();
    assert!(error.contains("none of the scopes there, which are: read"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_in_one_line_that_names_the_setting() {
    let long = format!("read={}", "x".repeat(201));
    for (setting, text, problem) in [
        ("SCOPE_WORDS", "read", "is not like scope="),
        ("SCOPE_WORDS", "delete=Delete", "(delete) is none of MCP_OAUTH_SCOPES"),
        ("SCOPE_WORDS", "read=", "is not one line of plain text"),
        ("SCOPE_WORDS", "read=a\u{202e}b", "is not one line of plain text"),
        ("SCOPE_WORDS", "read=a\nb", "is not one line of plain text"),
        ("SCOPE_WORDS", "read=a; read=b", "has read twice"),
        ("SCOPE_WORDS", &long, "has 201 letters, and may have 200"),
        ("SCOPE_INCLUDES", "write", "is not like scope="),
        ("SCOPE_INCLUDES", "write=", "names no scope"),
        ("SCOPE_INCLUDES", "write=delete", "(delete) is none of MCP_OAUTH_SCOPES"),
        ("SCOPE_INCLUDES", "delete=read", "(delete) is none of MCP_OAUTH_SCOPES"),
        ("SCOPE_INCLUDES", "offline_access=read", "(offline_access) is none of"),
        ("SCOPE_INCLUDES", "write=read; write=admin", "has write twice"),
        ("SCOPE_INCLUDES", "read=read", "circle: read includes read"),
        ("SCOPE_INCLUDES", "admin=write; write=admin", "circle: admin includes write includes"),
    ] {
        let error = with(setting, text).unwrap_err().to_string();
        let name = format!("MCP_OAUTH_{setting} ");
        assert!(error.starts_with(&name) && error.contains(problem), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn tables_that_cannot_be_are_refused() {
    for (table, problem) in [
        ("words = \"x\"", "[[scope]] needs a name"),
        ("name = \"delete\"", "[[scope]] (delete) is none of MCP_OAUTH_SCOPES"),
        ("name = \"read\"\ncolour = \"red\"", "[[scope]] colour is not a setting"),
        ("name = \"read\"\nwords_german = \"x\"", "[[scope]] words_german is not a setting"),
        ("name = \"read\"\nwords = \"\"", "[[scope]] words () is not one line"),
        (
            "name = \"read\"\nincludes = [\"delete\"]",
            "[[scope]] includes of read: (delete) is none",
        ),
        ("name = \"read\"\nincludes = [\"read\"]", "[[scope]] goes round in a circle"),
        ("name = \"offline_access\"\nincludes = \"read\"", "[[scope]] includes of offline_access"),
        ("name = \"read\"\n[[scope]]\nname = \"read\"", "[[scope]] has read twice"),
    ] {
        let error = from(&[SCOPES], &format!("[[scope]]\n{table}")).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{table}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
