//! The real server on a port and a file of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use mcp_oauthd::accounts::password::{NewPassword, Passwords};
use mcp_oauthd::accounts::setup::add_resource;
use mcp_oauthd::accounts::{self, Username};
use mcp_oauthd::app::App;
use mcp_oauthd::clock::{Clock, Seconds};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::TokenHash;
use mcp_oauthd::server::{self, Listeners};
use mcp_oauthd::storage::events::{Event, Subject, record};
use mcp_oauthd::storage::{Limits, Missing, Storage, StorageError};
use tokio::sync::oneshot;

pub const USER: &str = "ada";
pub const PASSWORD: &str = "correct horse battery";
pub const RESOURCE: &str = "https://wiki.example.org/mcp";
pub const OTHER_RESOURCE: &str = "https://notes.example.org/mcp";
/// Id and secret of [`RESOURCE`]; the other one's are `notes` and the same secret.
pub const INTROSPECTION: (&str, &str) = ("wiki", "a-secret-of-the-wiki");

/// A running service. It stops when it is dropped.
pub struct TestServer {
    /// Where it is reached, which is the issuer unless a setting says otherwise.
    pub url: String,
    /// The other listener, if the settings have one.
    pub internal_url: String,
    pub clock: Clock,
    pub storage: Storage,
    folder: Arc<tempfile::TempDir>,
    settings: Vec<(String, String)>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl TestServer {
    pub async fn spawn() -> Self {
        Self::spawn_with(&[]).await
    }

    /// With settings by their keys; `limits` are off unless they say otherwise.
    pub async fn spawn_with(settings: &[(&str, &str)]) -> Self {
        let server = Self::spawn_empty(settings);
        let (name, word) = (Username::parse(USER).unwrap(), PASSWORD.into());
        let word = NewPassword::parse(word, &name).unwrap();
        let hashed = Passwords::new(1).unwrap().hash(word).await.unwrap();
        let now = server.clock.now();
        let fill = move |conn: &mut _| {
            accounts::add_user(conn, &name, &hashed, None, now)?;
            let hash = TokenHash::of(INTROSPECTION.1);
            for (url, id) in [(RESOURCE, INTROSPECTION.0), (OTHER_RESOURCE, "notes")] {
                let named = (id.parse().unwrap(), Some(id.to_owned()));
                add_resource(conn, &url.parse().unwrap(), named, Some(&hash), now)?;
            }
            Ok::<_, StorageError>(())
        };
        server.storage.write(fill).await.unwrap();
        server
    }

    /// With nobody and nothing in it.
    pub fn spawn_empty(settings: &[(&str, &str)]) -> Self {
        // For the clients of the tests; whoever is first has installed the same.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let public = TcpListener::bind("127.0.0.1:0").unwrap();
        let internal = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", public.local_addr().unwrap());
        let internal_url = format!("http://{}", internal.local_addr().unwrap());
        let mut settings: Vec<(String, String)> =
            settings.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let internal = settings.iter().any(|(key, _)| key == "internal_listen").then_some(internal);
        for (key, text) in [("issuer", url.as_str()), ("limits", "off"), ("workers", "1")] {
            if !settings.iter().any(|(known, _)| known == key) {
                settings.push((key.to_owned(), text.to_owned()));
            }
        }
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Clock::manual();
        let (storage, running) = start(&folder, &settings, &clock, Listeners { public, internal });
        Self { url, internal_url, clock, storage, folder, settings, running: Some(running) }
    }

    /// Another process on the same file, with the same settings and clock.
    pub fn spawn_beside(&self) -> Self {
        let public = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", public.local_addr().unwrap());
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        let mut settings = self.settings.clone();
        settings.retain(|(key, _)| key != "issuer");
        settings.push(("issuer".to_owned(), url.clone()));
        let listeners = Listeners { public, internal: None };
        let (storage, running) = start(&folder, &settings, &clock, listeners);
        let running = Some(running);
        Self { url, internal_url: String::new(), clock, storage, folder, settings, running }
    }

    /// Moves the time.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(Seconds(seconds));
    }

    /// Stops it in order, and starts it again on the same file and port.
    pub async fn restart(&mut self) {
        self.stop().await;
        let public = TcpListener::bind(self.url.strip_prefix("http://").unwrap()).unwrap();
        let listeners = Listeners { public, internal: None };
        let (storage, running) = start(&self.folder, &self.settings, &self.clock, listeners);
        (self.storage, self.running) = (storage, Some(running));
    }

    /// Stops it, and damages its file, as the check finds out.
    pub async fn damage(&mut self) -> App {
        let (kind, now) = (Event::SignedIn, self.clock.now());
        let fill = move |conn: &mut _| {
            (0..1000).try_for_each(|_| record(conn, kind, Subject::default(), now))
        };
        self.storage.write(fill).await.unwrap();
        self.stop().await;
        let path = self.folder.path().join("test.db");
        let mut bytes = std::fs::read(&path).unwrap();
        let last_page = bytes.len() - 4096;
        bytes[last_page..].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let app = app(&self.folder, &self.settings, &self.clock);
        app.storage.quick_check().unwrap_err();
        app
    }

    /// With other settings.
    pub async fn restart_with(&mut self, settings: &[(&str, &str)]) {
        for (key, text) in settings {
            self.settings.retain(|(known, _)| known != key);
            self.settings.push(((*key).to_owned(), (*text).to_owned()));
        }
        self.restart().await;
    }

    async fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _stopped = stop.send(());
            tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _stopped = stop.send(());
            let _joined = thread.join();
        }
    }
}

fn app(folder: &tempfile::TempDir, settings: &[(String, String)], clock: &Clock) -> App {
    let file = folder.path().join("test.db").display().to_string();
    let mut environment = vec![("MCP_OAUTH_DB".to_owned(), file)];
    for (key, text) in settings {
        environment.retain(|(name, _)| *name != format!("MCP_OAUTH_{}", key.to_uppercase()));
        environment.push((format!("MCP_OAUTH_{}", key.to_uppercase()), text.clone()));
    }
    let config = Config::from_sources(&Sources::gather(&[], None, environment).unwrap()).unwrap();
    let queue = Limits::default();
    let storage = Storage::open(&config.database, Missing::Create, queue, clock.clone()).unwrap();
    App::new(config, storage, clock.clone()).map_err(|e: Error| e.to_string()).unwrap()
}

fn start(
    folder: &tempfile::TempDir,
    settings: &[(String, String)],
    clock: &Clock,
    listeners: Listeners,
) -> (Storage, (oneshot::Sender<()>, JoinHandle<()>)) {
    let app = app(folder, settings, clock);
    let storage = app.storage.clone();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let shutdown = async {
            let _dropped = stopped.await;
        };
        runtime.block_on(server::run(app, listeners, shutdown)).unwrap();
    });
    (storage, (stop, thread))
}
