//! What is understood, and what is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

fn gather(environment: &[(&str, &str)]) -> Result<Sources, ConfigError> {
    let environment = environment.iter().map(|(name, text)| ((*name).into(), (*text).into()));
    Sources::gather(&[], None, environment)
}

fn read(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_sources(&gather(environment)?)
}

fn file(text: &str, mode: u32) -> tempfile::TempPath {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn from_toml(text: &str) -> Result<Config, ConfigError> {
    let path = file(text, 0o600);
    let sources = Sources::gather(&[], Some(&path), []);
    Config::from_sources(&sources?)
}

#[test]
fn no_setting_is_needed() {
    let config = read(&[]).unwrap();
    assert_eq!(config.issuer.as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.database, Database::File("mcp_oauth.db".into()));
    assert_eq!(config.lifetimes.refresh_token, Seconds(30 * 86_400));
}

#[test]
fn every_refusal_names_its_setting() {
    for (name, text, problem) in [
        ("ISSUER", "http://h.example", "must be https"),
        ("ISSUER", "h.example", "absolute URL"),
        ("LISTEN", "8080", "invalid"),
        ("DB", "postgres://h/db", "not in this version"),
        ("DB", "mysql://h/db", "neither a path"),
        ("RESOURCE", "mcp", "absolute URL"),
        ("SCOPES", "a  b", "single spaces"),
        ("SCOPES", "a offline_access", "never"),
        ("CODE_LIFETIME", "11m", "at most 10m"),
        ("CODE_LIFETIME", "-1", "not a time"),
        ("ACCESS_TOKEN_LIFETIME", "0", "not a time"),
        ("ACCESS_TOKEN_LIFETIME", "1w", "not a time"),
        ("REFRESH_TOKEN_LIFETIME", "99999d", "not a time"),
        ("AUTHORIZATION_REQUEST_LIFETIME", "5m", "at least 10m"),
        ("TRUSTED_PROXIES", "10.0.0.0/99", "network"),
        ("LIMITS", "maybe", "on or off"),
        ("LIMIT_BODY", "1", "less than"),
        ("LOG_FORMAT", "xml", "pretty"),
        ("INTERNAL_LISTEN", "127.0.0.1:8080", "same"),
        ("OWNER", "ada", "OWNER_PASSWORD_FILE"),
        ("OWNER_PASSWORD", "secret", "needs MCP_OAUTH_OWNER"),
        ("INTROSPECTION_ID", "wiki", "need MCP_OAUTH_RESOURCE"),
        ("LISTENN", "x", "is not a setting"),
        ("LISTEN_FILE", "/does/not/exist", "cannot be read"),
    ] {
        let error = read(&[(&format!("MCP_OAUTH_{name}"), text)]).expect_err(name).to_string();
        assert!(error.starts_with(&format!("MCP_OAUTH_{name} ")), "{error}");
        assert!(error.contains(problem) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn limits_cannot_be_off_in_public() {
    assert!(!read(&[("MCP_OAUTH_LIMITS", "off")]).unwrap().limits.on);
    let public = [("MCP_OAUTH_LIMITS", "off"), ("MCP_OAUTH_ISSUER", "https://h.example")];
    assert!(read(&public).unwrap_err().to_string().starts_with("MCP_OAUTH_LIMITS "));
}

#[test]
fn what_kubernetes_injects_is_ignored() {
    for name in [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_8080_TCP",
        "PORT_8080_TCP_ADDR",
        "WIKI_SERVICE_HOST",
        "WIKI_PORT",
        "WIKI_PORT_80_TCP_PROTO",
    ] {
        read(&[(&format!("MCP_OAUTH_{name}"), "tcp://10.0.0.1:8080")]).expect(name);
    }
}

#[test]
fn flag_then_environment_then_file_then_toml_then_default() {
    let toml = file("listen = \"127.0.0.1:3\"\ndb = \"toml.db\"\nscopes = [\"a\", \"b\"]", 0o600);
    let secret = file("file.db\n", 0o600);
    let environment = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    };
    let pairs =
        [("MCP_OAUTH_LISTEN", "127.0.0.1:2"), ("MCP_OAUTH_DB_FILE", secret.to_str().unwrap())];
    let flags = [("listen", "127.0.0.1:1".to_owned())];
    let sources = Sources::gather(&flags, Some(&toml), environment(&pairs)).unwrap();
    let origins: Vec<_> = sources
        .shown()
        .filter(|(setting, ..)| ["listen", "db", "scopes", "issuer"].contains(&setting.key))
        .map(|(setting, text, origin)| (setting.key, text, origin.clone()))
        .collect();
    assert_eq!(
        origins,
        [
            ("issuer", "http://127.0.0.1:1".to_owned(), Origin::Listen),
            ("listen", "127.0.0.1:1".to_owned(), Origin::Flag),
            ("db", "file.db".to_owned(), Origin::File(secret.to_path_buf())),
            ("scopes", "a b".to_owned(), Origin::Toml(toml.to_path_buf())),
        ]
    );
}

#[test]
fn the_issuer_follows_a_loopback_address_and_no_other() {
    for (listen, issuer) in [
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(read(&[("MCP_OAUTH_LISTEN", listen)]).unwrap().issuer.as_str(), issuer);
    }
    for listen in ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:80", "127.0.0.1:0"] {
        let error = read(&[("MCP_OAUTH_LISTEN", listen)]).unwrap_err().to_string();
        assert!(error.starts_with("MCP_OAUTH_ISSUER ") && error.contains("MCP_OAUTH_LISTEN"));
        assert!(error.contains(listen) && !error.contains('\n'), "{error}");
        let both = [("MCP_OAUTH_LISTEN", listen), ("MCP_OAUTH_ISSUER", "https://h.example")];
        assert_eq!(read(&both).unwrap().issuer.as_str(), "https://h.example");
    }
}

#[test]
fn an_empty_variable_says_nothing() {
    let toml = file("listen = \"127.0.0.1:3\"\nscopes = \"a\"", 0o600);
    let environment =
        ["LISTEN", "SCOPES_FILE", "DB", "DB_FILE", "RESOURCE", "OWNER_PASSWORD_FILE", "CONFIG"]
            .map(|name| (format!("MCP_OAUTH_{name}"), String::new()));
    let sources = Sources::gather(&[], Some(&toml), environment).unwrap();
    let config = Config::from_sources(&sources).unwrap();
    assert_eq!((config.listen.port(), config.scopes.to_string().as_str()), (3, "a"));
    assert_eq!(config.database, Database::File("mcp_oauth.db".into()));
    let secret = file("file.db", 0o600);
    let both = [("MCP_OAUTH_DB", ""), ("MCP_OAUTH_DB_FILE", secret.to_str().unwrap())];
    assert_eq!(read(&both).unwrap().database, Database::File("file.db".into()));
}

#[test]
fn a_setting_and_its_file_are_a_contradiction() {
    let secret = file("x", 0o600);
    let both = [("MCP_OAUTH_DB", "a"), ("MCP_OAUTH_DB_FILE", secret.to_str().unwrap())];
    assert!(gather(&both).err().unwrap().to_string().contains("together with MCP_OAUTH_DB"));
    assert!(from_toml("db = \"a\"\ndb_file = \"b\"").is_err());
}

#[test]
fn a_secret_that_others_can_write_is_refused() {
    let fine = [0o400, 0o440, 0o444, 0o600, 0o640, 0o644].map(|mode| (mode, true));
    // The first are also those of systemd's credentials and of Kubernetes' secrets.
    for (mode, fine) in fine.into_iter().chain([(0o620, false), (0o602, false)]) {
        let secret = file("0123456789abcdef", mode);
        let settings = [
            ("MCP_OAUTH_RESOURCE", "https://h.example/mcp"),
            ("MCP_OAUTH_INTROSPECTION_SECRET_FILE", secret.to_str().unwrap()),
        ];
        assert_eq!(read(&settings).is_ok(), fine, "{mode:o}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let secret = file("a very long secret\n", 0o600);
    let settings = [
        ("MCP_OAUTH_RESOURCE", "https://h.example/mcp"),
        ("MCP_OAUTH_INTROSPECTION_SECRET_FILE", secret.to_str().unwrap()),
    ];
    let shown: Vec<_> = gather(&settings).unwrap().shown().map(|(_, text, _)| text).collect();
    assert!(!shown.iter().any(|text| text.contains("secret")), "{shown:?}");
    assert!(!format!("{:?}", read(&settings).unwrap()).contains("a very long"));
}

#[test]
fn several_resources_stand_in_the_file() {
    let config = from_toml(
        "[[resource]]\nurl = \"https://a.example/mcp\"\nname = \"A\"\nintrospection_id = \"a\"\n\
         introspection_secret = \"0123456789abcdef\"\n[[resource]]\nurl = \"https://b.example\"",
    );
    let resources = config.unwrap().resources;
    assert_eq!(resources[0].introspection_id.as_ref().unwrap().as_str(), "a");
    assert_eq!(resources[1].uri.as_str(), "https://b.example");
}

#[test]
fn what_the_file_cannot_say_is_refused() {
    for text in [
        "listenn = \"x\"",
        "[[resource]]\nname = \"no url\"",
        "[[resource]]\nurl = \"https://a.example\"\ncolour = \"red\"",
        "[[resource]]\nurl = \"https://a.example\"\n[[resource]]\nurl = \"https://A.example/\"",
        "[[resource]]\nurl = \"https://a.example\"\nintrospection_secret = \"short\"",
        "issuer = {}",
        "issuer =",
    ] {
        let error = from_toml(text).expect_err(text).to_string();
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(Sources::gather(&[], Some(Path::new("/does/not/exist")), []).is_err());
}

#[test]
fn rules_stand_below_their_resource() {
    let with = |rule: &str| {
        let resource =
            "scopes = \"mcp wiki:admin\"\n[[resource]]\nurl = \"https://h.example/mcp\"\n";
        from_toml(&format!("{resource}{rule}"))
    };
    let rules = |text: &str| with(text).unwrap().resources[0].rules.clone();
    let shown = |text: &str| rules(text).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        shown("[[resource.rule]]\nneeds = \"wiki:admin\"\nname = [\"delete_*\", \"purge\"]"),
        ["tools/call delete_* needs wiki:admin", "tools/call purge needs wiki:admin"]
    );
    assert_eq!(
        shown("[[resource.rule]]\nonly = \"mcp\"\nmethod = \"prompts/*\""),
        ["mcp is for prompts/* * only"]
    );
    assert!(rules("").is_empty());
    for (rule, problem) in [
        ("[[resource.rule]]\nneeds = \"wiki:admn\"", "none of the scopes there"),
        ("[[resource.rule]]\nneeds = \"mcp\"\nonly = \"mcp\"", "either needs or only"),
        ("[[resource.rule]]\nname = \"x\"", "either needs or only"),
        ("[[resource.rule]]\nneeds = \"mcp\"\ntool = \"x\"", "unknown field `tool`"),
        ("[[resource.rule]]\nneeds = \"mcp\"\nname = \"\"", "no pattern"),
        ("[[resource.rule]]\nneeds = \"mcp\"\nname = []", "neither text nor a list"),
        ("[[resource.rule]]\nneeds = \"mcp\"\nname = [3]", "neither text nor a list"),
        ("[[resource.rule]]\nneeds = \"mcp\"\nmethod = \"*\"\nname = \"x\"", "believed"),
        ("rule = \"x\"", "is not a setting"),
    ] {
        let error = with(rule).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("rule"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn the_readme_names_settings_that_there_are_with_their_defaults() {
    let readme = include_str!("../../README.md");
    assert!(readme.lines().count() <= 150, "it has {} lines", readme.lines().count());
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| `MCP_OAUTH_")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let (variables, default) = (cells.next().unwrap(), cells.next().unwrap());
        let variable = variables.split('`').nth(1).unwrap();
        let setting = SETTINGS.iter().find(|setting| setting.variable() == variable);
        let setting = setting.unwrap_or_else(|| panic!("there is no {variable}"));
        let Some(said) = default.split('`').nth(1) else { continue };
        assert_eq!(said, setting.default, "{variable}");
    }
}
