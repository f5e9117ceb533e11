//! A reverse proxy before the service and an MCP server, which can be set up wrongly.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What has come.
#[derive(Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What goes back.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is wrong with it, for each request and the answer that would be right.
pub type Fault = dyn Fn(&Asked, &mut Answered) + Send + Sync;

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    fn read(stream: &mut TcpStream) -> Option<Self> {
        let (head, mut body) = head_and_rest(stream)?;
        let mut words = head.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let headers = headers(&head);
        read_body(stream, &headers, &mut body)?;
        Some(Self { method, path, headers, body })
    }

    /// Of the service, at this path.
    fn pass(&self, service: &str, path: &str) -> Answered {
        let mut stream = TcpStream::connect(service).unwrap();
        let kept = self.headers.iter().filter(|(name, _)| name != "connection");
        let kept: Vec<_> = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let kept = kept.concat();
        let head = format!("{} {path} HTTP/1.1\r\n{kept}connection: close\r\n\r\n", self.method);
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&self.body).unwrap();
        let (head, mut body) = head_and_rest(&mut stream).unwrap();
        let headers = headers(&head);
        if self.method != "HEAD" {
            read_body(&mut stream, &headers, &mut body).unwrap();
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answered { status, headers, body }
    }
}

impl Answered {
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| other != name);
    }

    /// Another answer altogether.
    pub fn become_one(&mut self, status: u16, media_type: &str, body: &str) {
        *self = Self { status, headers: vec![], body: body.as_bytes().to_vec() };
        self.set("content-type", media_type);
    }

    /// With other words in its body.
    pub fn reword(&mut self, old: &str, new: &str) {
        let body = String::from_utf8(std::mem::take(&mut self.body)).unwrap();
        assert!(body.is_empty() || body.contains(old), "{body}");
        self.body = body.replace(old, new).into_bytes();
    }

    fn send(mut self, stream: &mut TcpStream, is_head: bool) {
        for name in ["content-length", "transfer-encoding", "connection"] {
            self.remove(name);
        }
        let lines: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (lines, length) = (lines.concat(), self.body.len());
        let head = format!("HTTP/1.1 {} x\r\n{lines}content-length: {length}\r\n\r\n", self.status);
        // Whoever asked may have hung up.
        let _sent = stream.write_all(head.as_bytes());
        let _sent = stream.write_all(if is_head { &[] } else { &self.body });
    }
}

/// Serves for as long as the test runs: `/mcp` is the MCP server behind the gate, all else is the
/// service's.
pub fn proxy(listener: TcpListener, service: String, fault: Arc<Fault>) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, service, fault) = (stream.unwrap(), service.clone(), fault.clone());
            std::thread::spawn(move || {
                let Some(asked) = Asked::read(&mut stream) else { return };
                let mut answered = answer(&asked, &service);
                fault(&asked, &mut answered);
                answered.send(&mut stream, asked.method == "HEAD");
            });
        }
    });
}

fn answer(asked: &Asked, service: &str) -> Answered {
    if asked.path != "/mcp" {
        return asked.pass(service, &asked.path);
    }
    let mut answered = if asked.method == "OPTIONS" {
        Answered { status: 204, headers: vec![], body: vec![] }
    } else {
        asked.pass(service, "/gate/wiki")
    };
    answered.set("access-control-allow-origin", "*");
    answered.set("access-control-allow-headers", "Authorization, *");
    answered.set("access-control-expose-headers", "WWW-Authenticate, Mcp-Session-Id");
    answered
}

fn head_and_rest(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = vec![];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Some((String::from_utf8(read).ok()?, rest));
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&bytes[..count]);
    }
}

/// Of the length that is said: the service keeps the connection for a while, to be sure.
fn read_body(
    stream: &mut TcpStream,
    headers: &[(String, String)],
    body: &mut Vec<u8>,
) -> Option<()> {
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while body.len() < length {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).ok().filter(|read| *read > 0)?;
        body.extend_from_slice(&bytes[..read]);
    }
    Some(())
}

fn headers(head: &str) -> Vec<(String, String)> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}
