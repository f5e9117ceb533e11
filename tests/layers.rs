//! The layer picture of `src/lib.rs`, as a test: a module imports from its own layer or below.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up; a module is the first component of a path below `src`.
const LAYERS: [&[&str]; 6] = [
    &["oauth", "mcp", "clock", "config", "metrics", "telemetry"],
    &["storage"],
    &[
        "grant_types",
        "authorization",
        "revocation",
        "clients",
        "accounts",
        "gate",
        "attempts",
        "moving",
        "app",
        "error",
    ],
    &["endpoints", "pages", "middleware"],
    &["server", "sweeper", "watchman", "notifier", "systemd", "doctor"],
    &["main", "cli"],
];

/// Outside crates that only some modules may name.
const OWNED: [(&str, &[&str]); 5] = [
    ("actix_web", &["endpoints", "pages", "middleware", "server", "telemetry"]),
    ("diesel", &["storage"]),
    ("askama", &["pages"]),
    ("clap", &["main", "cli", "config"]),
    ("lettre", &["notifier", "config"]),
];

/// What lets a vocabulary type be a column; it opens no database.
const COLUMN_DERIVES: [&str; 3] = ["AsExpression", "FromSqlRow", "diesel::sql_types::"];

#[test]
fn modules_import_only_from_below() {
    let offences: Vec<String> =
        sources(Path::new("src")).iter().flat_map(|file| offences_in(file)).collect();
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    for file in sources(Path::new("src")) {
        let module = module_of(&file);
        assert!(module == "lib" || layer_of(&module).is_some(), "{module} is in no layer");
    }
}

#[test]
fn no_file_is_long() {
    for file in sources(Path::new("src")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let generated = file.ends_with("storage/schema.rs");
        assert!(generated || lines <= 300, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_test_sees_an_upward_import() {
    assert!(!upward("storage", "use crate::endpoints::token;").is_empty());
    assert!(!upward("storage", "    pub(super) use crate::pages;").is_empty());
    assert!(!upward("grant_types", "let x = crate::server::run();").is_empty());
    assert!(upward("endpoints", "use crate::storage::Storage;").is_empty());
    assert!(!foreign("clients", "use diesel::prelude::*;").is_empty());
    assert!(foreign("oauth", "use diesel::expression::AsExpression;").is_empty());
}

fn offences_in(file: &Path) -> Vec<String> {
    let module = module_of(file);
    if module == "lib" {
        return vec![];
    }
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [upward(&module, line), foreign(&module, line)].concat())
        .map(|offence| format!("{}: {offence}", file.display()))
        .collect()
}

/// Every `crate::module` that a line names, imported or written out.
fn upward(module: &str, line: &str) -> Vec<String> {
    let level = layer_of(module).unwrap();
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|target: &String| layer_of(target).is_some_and(|target| target > level))
        .map(|target| format!("{module} imports {target}: {}", line.trim()))
        .collect()
}

fn foreign(module: &str, line: &str) -> Vec<String> {
    OWNED
        .iter()
        .filter(|(name, owners)| {
            let named =
                line.contains(&format!("{name}::")) || line.contains(&format!("use {name}"));
            named && !owners.contains(&module)
        })
        .filter(|(name, _)| {
            *name != "diesel" || !COLUMN_DERIVES.iter().any(|derive| line.contains(derive))
        })
        .map(|(name, _)| format!("{module} names {name}: {}", line.trim()))
        .collect()
}

fn module_of(file: &Path) -> String {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path) } else { vec![path] }
        })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect()
}
