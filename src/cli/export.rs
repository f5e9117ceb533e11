//! `export`: all that is portable, for another database.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, open, output};
use crate::config::Config;
use crate::moving::archive::{self, ArchiveError};
use crate::storage::{Missing, Storage};

/// Where to.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file that is not there yet; stdout, if left out
    file: Option<PathBuf>,
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::File(error) => error.into(),
            ArchiveError::Failed(error) => error.into(),
            ArchiveError::Line { .. } => Self::Failed(error.to_string()),
        }
    }
}

/// Runs it.
///
/// # Errors
/// 1 for a file that cannot be made; the database's.
pub async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let issuer = config.issuer.as_str();
    let done = match &arguments.file {
        None => archive::write(&storage, issuer, BufWriter::new(io::stdout())).await,
        Some(path) => to_file(&storage, issuer, path).await,
    };
    storage.close().await;
    let rows = done.map_err(|error| match (error, &arguments.file) {
        (ArchiveError::File(error), Some(path)) => {
            Failure::Failed(format!("{}: {error}", path.display()))
        }
        (error, _) => error.into(),
    })?;
    output::hint(&format!(
        "{rows} rows; no token and no password is in them, but hashes of passwords, salts of refresh \
         tokens and what second factors are made of: keep them as you keep the database. People sign \
         in once more where they are imported"
    ));
    Ok(())
}

/// On the disk when it returns; half a file does not stay.
async fn to_file(storage: &Storage, issuer: &str, path: &PathBuf) -> Result<usize, ArchiveError> {
    let file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = archive::write(storage, issuer, BufWriter::new(&file)).await;
    let written = written.and_then(|rows| file.sync_all().map(|()| rows).map_err(Into::into));
    if written.is_err() {
        let _left = std::fs::remove_file(path);
    }
    written
}
