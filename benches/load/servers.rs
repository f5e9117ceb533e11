//! The processes that are measured. Each ends with its value here.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::data::FOLDER;
use crate::machine;

/// The program, built as it is released.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-oauthd");

/// The setting with which the service asks the database about each token anew.
pub(crate) const FORGETFUL: [(&str, &str); 1] = [("MCP_OAUTH_LIMIT_KNOWN_TOKENS", "0")];

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) started_in: Duration,
}

impl Server {
    /// The service on this database, with more settings if need be.
    pub(crate) fn service(database: &Path, more: &[(&str, &str)]) -> Self {
        Self::service_at(free_address(), database, more)
    }

    /// The same where it has been before.
    pub(crate) fn service_at(address: SocketAddr, database: &Path, more: &[(&str, &str)]) -> Self {
        let log = File::create(service_log()).unwrap();
        let begun = Instant::now();
        let mut command = Command::new(PROGRAM);
        // A shell that serves for real lends no settings.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MCP_OAUTH_")) {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .env("MCP_OAUTH_DB", database)
            .env("MCP_OAUTH_LISTEN", address.to_string())
            .env("MCP_OAUTH_ISSUER", format!("http://{address}"))
            .env("MCP_OAUTH_LIMITS", "off")
            .env("MCP_OAUTH_LIMIT_UNUSED_CLIENTS", "100000000")
            .envs(more.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { child, address, started_in: Duration::ZERO };
        server.wait();
        server.started_in = begun.elapsed();
        server
    }

    /// Ends it, and waits until it is gone.
    pub(crate) fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < patience,
                "the service does not end: see {FOLDER}/service.log"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// This program once more, as the empty handler.
    pub(crate) fn empty() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--empty-handler");
        Self::announced(command).0
    }

    /// A program that says on the first line of its output where it listens; and that line, of which
    /// the address is the first word.
    pub(crate) fn announced(mut command: Command) -> (Self, String) {
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().next().and_then(|word| word.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{command:?} said {line:?}"));
        let mut server = Self { child, address, started_in: Duration::ZERO };
        server.wait();
        server.started_in = begun.elapsed();
        (server, line)
    }

    /// The time that its processors have worked for it.
    pub(crate) fn cpu_time(&self) -> Duration {
        machine::cpu_time(self.child.id())
    }

    /// What of the memory is its own, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        machine::own_memory(self.child.id())
    }

    /// Its open descriptors, and its threads.
    pub(crate) fn descriptors_and_threads(&self) -> (usize, usize) {
        let process = self.child.id();
        (machine::entries(process, "fd"), machine::entries(process, "task"))
    }

    fn wait(&mut self) {
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "a server ended: see {FOLDER}/service.log");
            thread::sleep(Duration::from_micros(200));
        }
        machine::first_answer(self.address);
    }
}

/// In order, so that the next start finds nothing to repair.
impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let patience = Instant::now() + Duration::from_secs(5);
        while Instant::now() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// What the service that was started last has said.
pub(crate) fn service_log() -> PathBuf {
    Path::new(FOLDER).join("service.log")
}

/// Where nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
