//! Providers and the proxy's header: what is understood, and what is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::config::{Config, Sources};

fn read(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let named = |(name, text): &(&str, &str)| (format!("MCP_OAUTH_{name}"), (*text).to_owned());
    Config::from_sources(&Sources::gather(&[], None, environment.iter().map(named))?)
}

fn from_toml(text: &str) -> Result<Config, ConfigError> {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    Config::from_sources(&Sources::gather(&[], Some(&path), [])?)
}

const OIDC: [(&str, &str); 3] = [
    ("OIDC_ISSUER", "https://id.example.org/realm"),
    ("OIDC_CLIENT_ID", "mcp"),
    ("OIDC_CLIENT_SECRET", "a secret"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let others = OIDC.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    others.chain(more.iter().copied()).collect()
}

#[test]
fn one_of_each_kind_stands_in_the_environment() {
    assert!(read(&[]).unwrap().sign_in.providers.is_empty());
    let github = [("GITHUB_CLIENT_ID", "Iv1"), ("GITHUB_CLIENT_SECRET", "s")];
    let allow = [("GITHUB_ALLOW", "user:Ada, org:Acme,@Example.org"), ("OIDC_ALLOW", "user:Ada")];
    let config = read(&with(&[github, allow].concat())).unwrap();
    let [oidc, github] = &config.sign_in.providers[..] else { panic!("two") };
    assert_eq!((oidc.name.as_str(), oidc.label.as_str()), ("oidc", "id.example.org"));
    assert_eq!((oidc.scopes.as_str(), oidc.sign_up), ("openid profile email", false));
    assert_eq!(oidc.allow, [Allowed::Username("Ada".into())], "case may matter there");
    assert_eq!((github.name.as_str(), github.label.as_str()), ("github", "GitHub"));
    assert_eq!(github.authority.as_str(), "https://github.com");
    assert_eq!(github.scopes, "user:email read:org");
    let allowed: Vec<_> = github.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["user:ada", "org:acme", "@example.org"], "and does not here");
    assert!(!format!("{config:?}").contains("a secret"));
}

#[test]
fn several_stand_in_the_file() {
    let config = from_toml(
        "[[provider]]\nname = \"a\"\nlabel = \"A\"\nkind = \"oidc\"\nissuer = \"https://a.example\"\n\
         client_id = \"x\"\nallow = [\"org:two words\", \"ada@Example.org\"]\nsign_up = \"allowed\"\n\
         [[provider]]\nname = \"b\"\nkind = \"github\"\nclient_id = \"x\"\nclient_secret = \"y\"\n\
         url = \"https://git.example.org\"",
    );
    let providers = config.unwrap().sign_in.providers;
    let organisation = Allowed::Organisation("two words".to_owned());
    assert_eq!(providers[0].allow, [organisation, Allowed::Mail("ada@example.org".to_owned())]);
    assert!(providers[0].sign_up && providers[0].client_secret.is_none());
    assert_eq!(providers[0].scopes, "openid profile email groups");
    assert_eq!(providers[1].authority.as_str(), "https://git.example.org");
}

#[test]
fn every_refusal_names_its_setting() {
    for (name, text, problem) in [
        ("OIDC_ISSUER", "", "missing"),
        ("OIDC_ISSUER", "http://id.example.org", "https"),
        ("OIDC_CLIENT_ID", "", "missing"),
        ("OIDC_ALLOW", "ada", "none of"),
        ("OIDC_ALLOW", "@a.example @b.example", "none of"),
        ("OIDC_ALLOW", "@", "none of"),
        ("OIDC_ALLOW", "sub:", "none of"),
        ("OIDC_SIGN_UP", "allowed", "say who"),
        ("OIDC_SIGN_UP", "on", "off or allowed"),
        ("OIDC_SCOPES", "profile", "openid"),
        ("OIDC_LABEL", "a\nb", "odd"),
        ("GITHUB_CLIENT_SECRET", "", "missing"),
        ("GITHUB_URL", "http://github.example", "https"),
        ("PROXY_HEADER", "Remote User", "not the name"),
        ("PROXY_HEADER_FROM", "", "missing"),
        ("PROXY_HEADER_FROM", "0.0.0.0/0", "everybody"),
        ("PROXY_HEADER_SIGN_UP", "yes", "off or allowed"),
        ("OUTGOING_CA", "x", "no certificate"),
    ] {
        let mut settings = with(&[(name, text)]);
        if name.starts_with("GITHUB") {
            settings.push(("GITHUB_CLIENT_ID", "x"));
        }
        if name.starts_with("PROXY_HEADER_") {
            settings.push(("PROXY_HEADER", "Remote-User"));
        }
        let error = read(&settings).expect_err(name).to_string();
        assert!(error.starts_with(&format!("MCP_OAUTH_{name} ")), "{error}");
        assert!(error.contains(problem) && !error.contains('\n'), "{name}: {error}");
    }
}

#[test]
fn what_the_file_cannot_say_is_refused() {
    let provider = "[[provider]]\nkind = \"oidc\"\nissuer = \"https://a.example\"\n";
    let named = format!("{provider}client_id = \"x\"\nname = \"a\"\n");
    for (text, problem) in [
        (format!("{provider}client_id = \"x\""), "name is missing"),
        (format!("{provider}client_id = \"x\"\nname = \"A/b\""), "a-z"),
        (format!("{named}colour = \"red\""), "colour is not a setting"),
        (format!("{named}{named}"), "another provider has"),
        ("[[provider]]\nname = \"a\"\nkind = \"saml\"".to_owned(), "oidc or github"),
        ("provider = \"x\"".to_owned(), "not a setting"),
        ("[[provider]]\nname = {}".to_owned(), "neither text"),
    ] {
        let error = from_toml(&text).expect_err(&text).to_string();
        assert!(error.contains(problem) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn somebody_must_be_able_to_sign_in() {
    let off = [("PASSWORD", "off"), ("PASSKEYS", "off")];
    let refused = read(&off).unwrap_err().to_string();
    assert!(refused.contains("every other way"), "{refused}");
    read(&with(&off)).unwrap();
    let header = [("PROXY_HEADER", "Remote-User"), ("PROXY_HEADER_FROM", "10.0.0.1")];
    read(&[&off[..], &header].concat()).unwrap();
    // Passkeys are enough where there can be some.
    assert!(read(&[off[0]]).is_err(), "the issuer is an address");
    let named = [off[0], ("ISSUER", "https://h.example")];
    assert_eq!(read(&named).is_ok(), cfg!(feature = "passkeys"));
}

#[test]
fn names_are_given_by_the_proxy_or_by_a_provider_and_not_by_both() {
    let header = [("PROXY_HEADER", "Remote-User"), ("PROXY_HEADER_FROM", "10.0.0.1")];
    read(&with(&header)).unwrap();
    let sign_up = [("OIDC_SIGN_UP", "allowed"), ("OIDC_ALLOW", "*")];
    let error = read(&with(&[header, sign_up].concat())).unwrap_err().to_string();
    assert!(error.starts_with("MCP_OAUTH_PROXY_HEADER cannot"), "{error}");
}
