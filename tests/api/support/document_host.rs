//! An https host that publishes clients' documents, and can be slow, large and untruthful.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long it says nothing before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Sends {
    /// These bytes, and then it waits for the other side, as one does for whom connections are kept.
    All(Vec<u8>),
    /// These bytes, and cuts the connection.
    Part(Vec<u8>),
    /// The second after the first, one byte each so often.
    Slowly(Vec<u8>, Vec<u8>, Duration),
    /// The first, and then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
}

/// A document as it should be published.
pub fn json(body: impl AsRef<[u8]>) -> Sends {
    Sends::All(answer("200 OK", "Content-Type: application/json\r\n", body))
}

/// A whole answer: a status, lines of the head, a body with its length.
pub fn answer(status: &str, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// The host, for the rest of the test. Its certificate is for `localhost`, 127.0.0.1 and `::1`.
pub struct DocumentHost {
    /// Without a path.
    pub url: String,
    /// The authority's certificate, in PEM: `MCP_OAUTH_OUTGOING_CA`.
    pub ca: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, Sends>>,
    /// The head of every request, in lower case but for its first line.
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    ended: AtomicUsize,
}

impl DocumentHost {
    pub fn start() -> Self {
        Self::start_for(&["localhost", "127.0.0.1", "::1"])
    }

    /// With a certificate for these names.
    pub fn start_for(names: &[&str]) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let (config, ca) = certificate(names);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let serves = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serves.connections.fetch_add(1, Ordering::SeqCst);
                let (config, shared) = (config.clone(), serves.clone());
                std::thread::spawn(move || {
                    // Whoever has heard enough goes.
                    let _gone = shared.serve(stream.unwrap(), config);
                    shared.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, ca, shared }
    }

    /// The port, for other spellings of the host.
    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    /// The address of this path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What is sent from now on to whoever asks for this path. What is nowhere is a 404.
    pub fn publish(&self, path: &str, sends: Sends) {
        self.shared.pages.lock().unwrap().insert(path.to_owned(), sends);
    }

    /// The requests so far, each head in lower case but for its first line.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many of those connections have ended.
    pub fn ended(&self) -> usize {
        self.shared.ended.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// One request for each connection; then it waits until the other side ends it.
    fn serve(&self, tcp: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
        tcp.set_read_timeout(Some(PATIENCE))?;
        let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let (first, lines) = head.split_once("\r\n").unwrap_or_default();
        let path = first.split(' ').nth(1).unwrap_or_default();
        let sends = self.pages.lock().unwrap().get(path).cloned();
        self.requests.lock().unwrap().push(format!("{first}\r\n{}", lines.to_ascii_lowercase()));
        send(&mut stream, sends.unwrap_or_else(|| Sends::All(answer("404 Not Found", "", ""))))
    }
}

fn send(
    stream: &mut StreamOwned<ServerConnection, TcpStream>,
    sends: Sends,
) -> std::io::Result<()> {
    match sends {
        Sends::All(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush()?;
            stream.read(&mut [0]).map(drop)
        }
        Sends::Part(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush()
        }
        Sends::Slowly(first, then, pause) => {
            stream.write_all(&first)?;
            for byte in then {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(pause);
            }
            Ok(())
        }
        Sends::Endless(first, then) => {
            stream.write_all(&first)?;
            loop {
                stream.write_all(&then)?;
            }
        }
    }
}

fn certificate(names: &[&str]) -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Arc::new(config), ca)
}
