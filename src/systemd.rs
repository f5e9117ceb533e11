//! What systemd hands over and wants to hear: sockets (`sd_listen_fds(3)`), and how we are
//! (`sd_notify(3)`). Without systemd nothing of this is there, and nobody is told.

use std::env;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use sd_notify::NotifyState;
use tracing::{error, warn};

use crate::storage::{Storage, probe};

/// Sockets that were opened for us, and stay open while we are restarted.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// In the place of `MCP_OAUTH_LISTEN`.
    pub public: Option<TcpListener>,
    /// In the place of `MCP_OAUTH_INTERNAL_LISTEN`.
    pub internal: Option<TcpListener>,
}

/// Sockets that we cannot use. One line.
#[derive(Debug, thiserror::Error)]
pub enum WrongSocket {
    /// We would not know what to answer there.
    #[error(
        "socket activation: a socket is called '{0}', not public or internal (FileDescriptorName=)"
    )]
    Name(String),
    /// `ListenStream=` twice in one unit, for example.
    #[error("socket activation: there are two sockets called {0}")]
    Twice(String),
    /// Something else than a TCP socket, or a connection (`Accept=yes`).
    #[error("socket activation: the socket '{0}' does not listen for TCP connections")]
    Kind(String),
}

/// Takes what was handed over, and its variables out of the environment: at the start, while no
/// other thread reads it.
///
/// # Errors
/// A socket that is not called public or internal (one alone needs no name), or cannot be used.
pub fn sockets() -> Result<HandedOver, WrongSocket> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut sockets = ListenFd::from_env();
    let names = listener_names(&names, sockets.len());
    let mut handed_over = HandedOver::default();
    for (index, name) in names.into_iter().enumerate() {
        let place = match name {
            "public" => &mut handed_over.public,
            "internal" => &mut handed_over.internal,
            other => return Err(WrongSocket::Name(other.to_owned())),
        };
        let Ok(Some(listener)) = sockets.take_tcp_listener(index) else {
            return Err(WrongSocket::Kind(name.to_owned()));
        };
        if !socket_acceptconn(&listener).unwrap_or(false) {
            return Err(WrongSocket::Kind(name.to_owned()));
        }
        if place.replace(listener).is_some() {
            return Err(WrongSocket::Twice(name.to_owned()));
        }
    }
    Ok(handed_over)
}

/// A name for each socket. `unknown` is what `sd_listen_fds_with_names(3)` calls one without.
fn listener_names(names: &str, count: usize) -> Vec<&str> {
    let given = names.split(':').chain(std::iter::repeat(""));
    match given.take(count).collect::<Vec<_>>().as_slice() {
        ["" | "unknown"] => vec!["public"],
        several => several.to_vec(),
    }
}

/// Connections are accepted, and the database is open.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// Running requests are finished, and nothing new begins.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what runs")]);
}

/// Tells the watchdog that we are alive, as long as the database answers. Returns at once if there
/// is none.
pub async fn stay_alive(storage: &Storage) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else {
        return;
    };
    // Three chances: one late answer is not the end.
    let mut turn = tokio::time::interval(limit / 3);
    loop {
        turn.tick().await;
        match storage.read(probe::read).await {
            Ok(_) => tell(&[NotifyState::Watchdog]),
            Err(error) => error!(%error, "the watchdog is not told that we are alive"),
        }
    }
}

fn tell(states: &[NotifyState]) {
    let told: io::Result<()> = sd_notify::notify(states);
    if let Err(error) = told {
        warn!(%error, "NOTIFY_SOCKET cannot be told {}", states[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_alone_needs_no_name() {
        for (names, count, expected) in [
            ("", 0, vec![]),
            ("", 1, vec!["public"]),
            ("unknown", 1, vec!["public"]),
            ("internal", 1, vec!["internal"]),
            ("mcp-oauthd.socket", 1, vec!["mcp-oauthd.socket"]),
            ("internal:public", 2, vec!["internal", "public"]),
            ("public", 2, vec!["public", ""]),
            ("public:internal:more", 2, vec!["public", "internal"]),
        ] {
            assert_eq!(listener_names(names, count), expected, "{names}");
        }
    }
}
