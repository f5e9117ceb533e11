//! `healthcheck`: asks `/readyz` of the service that these settings describe. For containers that
//! have no other program.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Failure, output};
use crate::config::{Config, reachable};

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// 0: ready. 1: it answers, and is not. 69: nobody answers.
///
/// # Errors
/// As said.
pub async fn run(config: &Config) -> Result<(), Failure> {
    let address = reachable(config.internal_listen.unwrap_or(config.listen));
    let unavailable = |why: &dyn std::fmt::Display| {
        Failure::Unavailable(format!("{address} does not answer: {why}"))
    };
    let answer = timeout(PATIENCE, ask(address))
        .await
        .map_err(|_| unavailable(&"it takes too long"))?
        .map_err(|error| unavailable(&error))?;
    let said = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
    if answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.0 200 ") {
        output::line("ready")
    } else {
        Err(Failure::Failed(format!("not ready: {said}")))
    }
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).await?;
    Ok(answer)
}
