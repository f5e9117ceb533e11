//! One request and its answer, on a connection that is kept: HTTP/1.1, as little of it as will do.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that is kept.
pub(crate) struct Connection {
    address: SocketAddr,
    /// None: it is opened by whoever has something to say.
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    length: usize,
}

/// What came back.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a str,
    pub(crate) body: &'a str,
}

impl Connection {
    /// Opens it.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = Some(open(address).await.unwrap());
        Self { stream, ..Self::later(address) }
    }

    /// To be opened when it is needed.
    pub(crate) fn later(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: vec![0; 8192], length: 0 }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        let answer = self.try_exchange(request).await;
        answer.unwrap_or_else(|error| panic!("{error} on {}", String::from_utf8_lossy(request)))
    }

    /// The same with somebody who may be gone: nobody knows then what became of the request, and the
    /// next is sent on a new connection.
    ///
    /// # Errors
    /// Nobody answered.
    pub(crate) async fn try_exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.address).await?,
        };
        let body = self.converse(stream, request).await?;
        Ok(self.answer(body))
    }

    /// Where the body of the answer begins. Only a stream that has answered is kept.
    async fn converse(&mut self, mut stream: TcpStream, request: &[u8]) -> io::Result<usize> {
        stream.write_all(request).await?;
        self.length = 0;
        loop {
            if self.length == self.buffer.len() {
                self.buffer.resize(2 * self.length, 0);
            }
            let read = stream.read(&mut self.buffer[self.length..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.length += read;
            if let Some(body) = body_of(&self.buffer[..self.length]) {
                self.stream = Some(stream);
                return Ok(body);
            }
        }
    }

    fn answer(&self, body: usize) -> Answer<'_> {
        let text = std::str::from_utf8(&self.buffer[..self.length]).unwrap();
        let (head, body) = text.split_at(body);
        Answer { status: head[9..12].parse().unwrap(), head, body }
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Answer<'_> {
    /// A header, if it is there. The first of several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head.as_bytes(), name).map(|value| std::str::from_utf8(value).unwrap())
    }

    /// A string in a JSON object, which has no escapes in it.
    pub(crate) fn member(&self, name: &str) -> &str {
        let found = self.body.split_once(&format!("\"{name}\"")).and_then(|(_, rest)| {
            rest.trim_start_matches([':', ' ']).strip_prefix('"')?.split_once('"')
        });
        found.unwrap_or_else(|| panic!("no {name} in {} {}", self.status, self.body)).0
    }
}

/// Where the body begins, once all of it is there.
fn body_of(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let declared = header(&bytes[..end], "content-length");
    let length = declared.map_or(0, |text| std::str::from_utf8(text).unwrap().parse().unwrap());
    (bytes.len() >= end + length).then_some(end)
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":")?.trim_ascii();
        start.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    })
}
