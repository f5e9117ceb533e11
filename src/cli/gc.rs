//! `gc`: deletes what is past its time.

use super::{Failure, open, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::Missing;
use crate::sweeper;

/// Says how many rows it was.
///
/// # Errors
/// The database's.
pub async fn run(config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let swept = sweeper::sweep(&storage, &config.lifetimes, Clock::System.now()).await;
    storage.close().await;
    output::line(&format!("{} rows deleted", swept?))
}
