//! The database, looked at from beside the service, and whether the MCP server is registered in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use crate::config::Database;
use crate::doctor::{Finding, Patient};
use crate::oauth::ResourceUri;
use crate::storage::checkup::{self, Checkup};
use crate::storage::resources::Resource;
use crate::storage::{OpenError, StorageError};

const CHECK: &str = "database";
const REGISTERED: &str = "registered";
/// The service empties its log long before.
const LONG_LOG: u64 = 256 * 1024 * 1024;
/// Below this many bytes some writes still succeed, and others do not.
const FULL: u64 = 1024 * 1024;
/// How long every page is looked at.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let Database::File(path) = &patient.config.database else {
        return vec![Finding::doubtful(
            CHECK,
            "it is :memory:, so that every restart forgets all clients and sign-ins",
            "set MCP_OAUTH_DB to a file on a disk that stays",
        )];
    };
    let looked = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || checkup::look(&path)).await
    };
    let checkup = match looked {
        Ok(Ok(checkup)) => checkup,
        Ok(Err(error)) => return vec![refused(&error)],
        Err(error) => {
            return vec![Finding::unknown(CHECK, error.to_string(), "look again")];
        }
    };
    let mut findings = judge(path, &checkup, patient.config.notify.low_disk);
    findings.extend(pages(path).await);
    if findings.is_empty() {
        let says = format!(
            "{} is whole: schema {}, {}, {} free",
            path.display(),
            checkup.version,
            megabytes(checkup.size),
            checkup.free.map_or("nobody knows how much".to_owned(), megabytes),
        );
        findings.push(Finding::fine(CHECK, says));
    }
    findings.extend(checkup.resources.map(|all| registered(&patient.resource, &all)));
    findings
}

/// Why it could not be opened. That it is not here is no fault: the service may be elsewhere.
fn refused(error: &OpenError) -> Finding {
    let says = error.to_string();
    match error {
        OpenError::Missing(_) | OpenError::Unreadable(..) => Finding::unknown(
            CHECK,
            says,
            "look from where the service runs, as its user, with its settings (MCP_OAUTH_DB)",
        ),
        OpenError::Damaged(..) => {
            Finding::wrong(CHECK, says, "stop the service, then: mcp-oauthd restore BACKUP")
        }
        OpenError::Copy(_) | OpenError::NoCopy { .. } => {
            Finding::unknown(CHECK, says, "look again when the service has started")
        }
        OpenError::TooNew { .. } => Finding::wrong(
            CHECK,
            says,
            "run the version that the service had before, or a newer one",
        ),
        OpenError::Foreign(_) | OpenError::ReplacedProvider(_) | OpenError::NotReplaced(_) => {
            Finding::wrong(CHECK, says, "set MCP_OAUTH_DB to a file of its own")
        }
    }
}

fn judge(path: &Path, checkup: &Checkup, low: u64) -> Vec<Finding> {
    let Checkup { version, newest, log, free, .. } = checkup;
    let path = path.display();
    let mut findings = vec![];
    if version < newest {
        findings.push(Finding::doubtful(
            CHECK,
            format!("{path} has schema {version}, and this program is of schema {newest}"),
            "restart the service with this version, which brings it up to date",
        ));
    } else if version > newest {
        findings.push(Finding::doubtful(
            CHECK,
            format!("{path} has schema {version}, and this program knows {newest} only"),
            "look with the version that the service has",
        ));
    }
    if *log > LONG_LOG {
        findings.push(Finding::doubtful(
            CHECK,
            format!("the write-ahead log of {path} has grown to {}", megabytes(*log)),
            "end what reads the file for hours (a backup, a shell), or restart the service",
        ));
    }
    let mend = "make room on its disk";
    match free {
        Some(free) if *free < FULL => {
            findings.push(Finding::wrong(CHECK, format!("the disk of {path} is full"), mend));
        }
        Some(free) if *free < low => {
            let says = format!("the disk of {path} has {} left", megabytes(*free));
            findings.push(Finding::doubtful(CHECK, says, mend));
        }
        _ => {}
    }
    findings
}

/// Every page of the file, or as many as there is time for.
async fn pages(path: &Path) -> Option<Finding> {
    let path: PathBuf = path.to_owned();
    let checking = tokio::task::spawn_blocking(move || checkup::quick_check(&path));
    match timeout(PATIENCE, checking).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(StorageError::Corrupt(why)))) => {
            let mend = "stop the service, then: mcp-oauthd restore BACKUP";
            Some(Finding::wrong(CHECK, format!("it is damaged: {why}"), mend))
        }
        Ok(Ok(Err(error))) => Some(Finding::unknown(CHECK, error.to_string(), "look again")),
        Ok(Err(error)) => Some(Finding::unknown(CHECK, error.to_string(), "look again")),
        Err(_) => Some(Finding::unknown(
            CHECK,
            format!("it is large: {} s were not enough to look at every page", PATIENCE.as_secs()),
            "take a backup, which looks at every row: mcp-oauthd backup FILE",
        )),
    }
}

/// What authorization requests for this URL would be told: RFC 8707 section 2.
fn registered(resource: &ResourceUri, all: &[Resource]) -> Finding {
    let Some(found) = all.iter().find(|other| other.canonical == resource.canonical()) else {
        return Finding::wrong(
            REGISTERED,
            format!("no MCP server is registered as {resource}: clients are told invalid_target"),
            format!("mcp-oauthd resource add {resource}"),
        );
    };
    if found.paused_at.is_some() {
        let says = format!("{} is paused", found.uri);
        return Finding::doubtful(REGISTERED, says, "mcp-oauthd access resume");
    }
    if found.uri != *resource {
        return Finding::doubtful(
            REGISTERED,
            format!("it is registered as {}, and {resource} was typed", found.uri),
            format!("have people type {}", found.uri),
        );
    }
    let way =
        if found.secret_hash.is_some() { "" } else { ", for the gate only (it has no secret)" };
    Finding::fine(REGISTERED, format!("{resource} is registered as {}{way}", found.id))
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn checkup() -> Checkup {
        Checkup { version: 6, newest: 6, size: 1, log: 0, free: Some(u64::MAX), resources: None }
    }

    fn verdicts(checkup: &Checkup) -> Vec<Verdict> {
        let findings = judge(Path::new("x.db"), checkup, 256_000_000);
        findings.into_iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn age_length_and_room_are_judged() {
        assert!(verdicts(&checkup()).is_empty());
        let older = Checkup { version: 5, ..checkup() };
        let newer = Checkup { version: 7, ..checkup() };
        let long = Checkup { log: LONG_LOG + 1, ..checkup() };
        let low = Checkup { free: Some(255_000_000), ..checkup() };
        for doubtful in [older, newer, long, low] {
            assert_eq!(verdicts(&doubtful), [Verdict::Doubtful], "{doubtful:?}");
        }
        assert_eq!(verdicts(&Checkup { free: Some(FULL - 1), ..checkup() }), [Verdict::Wrong]);
        assert!(verdicts(&Checkup { free: None, ..checkup() }).is_empty());
    }

    #[test]
    fn a_database_that_is_not_here_is_no_fault_and_a_damaged_one_is() {
        let path = PathBuf::from("x.db");
        assert_eq!(refused(&OpenError::Missing(path.clone())).verdict, Verdict::Unknown);
        let damaged = OpenError::Damaged(path, "page 3".to_owned());
        assert_eq!(refused(&damaged).verdict, Verdict::Wrong);
    }
}
