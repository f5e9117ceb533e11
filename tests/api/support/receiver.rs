//! Those who are told: an HTTP server that answers as the test wants, and a mail server.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::notifier::signature;
use serde_json::Value;
use tokio::sync::mpsc;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a receiver answers.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    /// With this status, and perhaps with `Retry-After`.
    Status(u16, Option<u32>),
    /// It hangs up.
    HangUp,
    /// Not at all.
    Hang,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Told {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Whether it is signed with this key.
    pub fn is_signed_with(&self, key: &str) -> bool {
        let at = UnixTime(self.headers["webhook-timestamp"].parse().unwrap());
        self.headers["webhook-signature"] == signature(key.as_bytes(), self.id(), at, &self.body)
    }
}

/// An HTTP server. It answers 204, unless it was told to answer otherwise.
pub struct Receiver {
    pub url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, told) = mpsc::unbounded_channel();
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let next = replies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (next, sender) = (next.clone(), sender.clone());
                std::thread::spawn(move || answer(stream.unwrap(), &next, &sender));
            }
        });
        Self { url, replies, told }
    }

    /// What the next requests are answered with.
    pub fn will(&self, replies: &[Reply]) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// The next request.
    pub async fn next(&mut self) -> Told {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        told.unwrap().unwrap()
    }

    /// What has come and was not looked at.
    pub fn rest(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

fn answer(
    mut stream: TcpStream,
    replies: &Mutex<VecDeque<Reply>>,
    told: &mpsc::UnboundedSender<Told>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let reply = replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(204, None));
    let body = String::from_utf8(body).unwrap();
    // The test may have ended.
    let _heard = told.send(Told { path, headers, body });
    match reply {
        Reply::HangUp => {}
        Reply::Hang => {
            // Until the other side gives up.
            let _gone = reader.read(&mut [0]);
        }
        Reply::Status(status, retry_after) => {
            let retry = retry_after.map(|wait| format!("Retry-After: {wait}\r\n"));
            let retry = retry.unwrap_or_default();
            let head = format!("HTTP/1.1 {status} X\r\n{retry}Connection: close\r\n\r\n");
            let _gone = stream.write_all(head.as_bytes());
        }
    }
}

/// A mail server without encryption. It takes everything, unless it was told not to.
pub struct Mailbox {
    pub url: String,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
    mail: mpsc::UnboundedReceiver<Mail>,
}

/// A mail, and for whom it was.
#[derive(Debug)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
}

impl Mailbox {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (sender, mail) = mpsc::unbounded_channel();
        let refusals: Arc<Mutex<VecDeque<&'static str>>> = Arc::default();
        let next = refusals.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // One after the other; whoever hangs up in the middle has sent nothing.
                let _hung_up = take_mail(stream.unwrap(), &next, &sender);
            }
        });
        Self { url, refusals, mail }
    }

    /// With what the next mail is refused.
    pub fn will_refuse(&self, with: &'static str) {
        self.refusals.lock().unwrap().push_back(with);
    }

    pub async fn next(&mut self) -> Mail {
        let mail = tokio::time::timeout(PATIENCE, self.mail.recv()).await;
        mail.unwrap().unwrap()
    }
}

/// RFC 5321, as far as a client that behaves needs it.
fn take_mail(
    mut stream: TcpStream,
    refusals: &Mutex<VecDeque<&'static str>>,
    taken: &mpsc::UnboundedSender<Mail>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut mail = Mail { from: String::new(), to: vec![], text: String::new() };
    write!(stream, "220 mail.example\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => write!(stream, "250-mail.example\r\n250 8BITMIME\r\n")?,
            "MAIL" => {
                mail.from = address();
                write!(stream, "250 OK\r\n")?;
            }
            "RCPT" => {
                mail.to.push(address());
                write!(stream, "250 OK\r\n")?;
            }
            "DATA" => {
                write!(stream, "354 go on\r\n")?;
                while !mail.text.ends_with("\r\n.\r\n") {
                    reader.read_line(&mut mail.text)?;
                }
                let refusal = refusals.lock().unwrap().pop_front();
                write!(stream, "{}\r\n", refusal.unwrap_or("250 taken"))?;
                if refusal.is_none() {
                    let _heard = taken.send(mail);
                    mail = Mail { from: String::new(), to: vec![], text: String::new() };
                }
            }
            "QUIT" => return write!(stream, "221 bye\r\n"),
            _ => write!(stream, "250 OK\r\n")?,
        }
    }
}
