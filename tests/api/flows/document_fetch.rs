//! What a client's document is fetched from, and what is none: Client ID Metadata Document draft
//! -01, sections 4 and 6.5.

use std::net::TcpListener;
use std::time::Duration;

use mcp_oauthd::app::fetcher::{DocumentError, FetchError, Fetcher, Published};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::{Config, Sources};

use crate::support::{DocumentHost, Sends, answer, json};

const JSON: &str = "Content-Type: application/json\r\n";

/// That believes this host's authority, in one of the settings' ways.
fn fetcher(host: &DocumentHost, client_documents: &str) -> Fetcher {
    let said = [("CLIENT_DOCUMENTS", client_documents), ("OUTGOING_CA", &host.ca)];
    let said = said.map(|(key, text)| (format!("MCP_OAUTH_{key}"), text.to_owned()));
    let config = Config::from_sources(&Sources::gather(&[], None, said).unwrap()).unwrap();
    Fetcher::new(config.outgoing_ca).with_documents(config.client_documents)
}

async fn ask(fetcher: &Fetcher, url: &str) -> Result<Published, DocumentError> {
    fetcher.inspect_document(&url.parse().unwrap()).await
}

/// What becomes of an answer.
async fn of(sends: Sends) -> Result<Published, DocumentError> {
    let host = DocumentHost::start();
    host.publish("/c", sends);
    ask(&fetcher(&host, "development"), &host.at("/c")).await
}

#[tokio::test]
async fn a_document_is_asked_for_plainly_and_handed_out_as_it_is() {
    let host = DocumentHost::start();
    let head = "Content-Type: application/json; charset=utf-8\r\nCache-Control: max-age=300\r\n";
    host.publish("/c", Sends::All(answer("200 OK", head, " {}\n")));
    let published = ask(&fetcher(&host, "development"), &host.at("/c")).await.unwrap();
    assert_eq!(
        (published.body.as_slice(), published.fresh_for),
        (&b" {}\n"[..], Some(Seconds(300)))
    );
    let requests = host.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(request.starts_with("GET /c HTTP/1.1\r\n"), "{request}");
    for line in ["accept: application/json", "connection: close", "user-agent: mcp-oauthd/"] {
        assert!(request.contains(line), "{line}: {request}");
    }
    for name in ["accept-encoding", "cookie", "referer", "authorization"] {
        assert!(!request.contains(name), "{name}: {request}");
    }
}

#[tokio::test]
async fn only_200_is_an_answer_and_nobody_is_sent_elsewhere() {
    let (host, target) = (DocumentHost::start(), DocumentHost::start());
    target.publish("/c", json("{}"));
    let fetcher = fetcher(&host, "development");
    let line = format!("{JSON}Location: {}\r\n", target.at("/c"));
    for status in [201, 203, 206, 300, 301, 302, 303, 307, 308, 401, 404, 407, 429, 500, 503] {
        host.publish("/c", Sends::All(answer(&format!("{status} X"), &line, "{}")));
        let answer = ask(&fetcher, &host.at("/c")).await;
        assert!(matches!(answer, Err(DocumentError::Status(said)) if said == status), "{status}");
    }
    for status in [204, 304] {
        let bytes = format!("HTTP/1.1 {status} X\r\n{line}\r\n").into_bytes();
        host.publish("/c", Sends::All(bytes));
        let answer = ask(&fetcher, &host.at("/c")).await;
        assert!(matches!(answer, Err(DocumentError::Status(said)) if said == status), "{status}");
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn what_is_not_said_to_be_json_is_not_read() {
    for lines in ["", "Content-Type: text/html\r\n", "Content-Type: text/json\r\n"] {
        let answer = of(Sends::All(answer("200 OK", lines, "{}"))).await;
        assert!(matches!(answer, Err(DocumentError::Type)), "{lines}");
    }
    let lines = "Content-Type: application/client+json\r\n";
    of(Sends::All(answer("200 OK", lines, "{}"))).await.unwrap();
}

#[tokio::test]
async fn five_kibibytes_are_enough() {
    let exactly = vec![b' '; 5 * 1024];
    let more = vec![b' '; 5 * 1024 + 1];
    assert_eq!(of(json(&exactly)).await.unwrap().body, exactly);
    assert!(matches!(of(json(&more)).await, Err(DocumentError::TooLong)));
    let chunked = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
        let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len(), String::from_utf8_lossy(body));
        Sends::All([head, body].concat().into_bytes())
    };
    assert_eq!(of(chunked(&exactly)).await.unwrap().body, exactly);
    assert!(matches!(of(chunked(&more)).await, Err(DocumentError::TooLong)));
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}\r\n").into_bytes();
    let endless = of(Sends::Endless(head, vec![b' '; 1024])).await;
    assert!(matches!(endless, Err(DocumentError::TooLong)));
    // A length is believed when it is too large, and nothing is waited for.
    let lie = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 99999999999\r\n\r\n");
    assert!(matches!(of(Sends::All(lie.into_bytes())).await, Err(DocumentError::TooLong)));
}

#[tokio::test]
async fn nothing_is_unpacked() {
    for coding in ["gzip", "deflate", "br", "zstd", "identity"] {
        let lines = format!("{JSON}Content-Encoding: {coding}\r\n");
        let answer = of(Sends::All(answer("200 OK", &lines, [0x1f, 0x8b, 8, 0]))).await;
        assert!(matches!(answer, Err(DocumentError::Encoded)), "{coding}");
    }
    let packed = [0x1f, 0x8b, 8, 0];
    assert_eq!(of(json(packed)).await.unwrap().body, packed);
}

#[tokio::test]
async fn one_deadline_is_over_everything() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let no_tls = format!("https://{}/c", silent.local_addr().unwrap());
    let host = DocumentHost::start();
    let fetcher = fetcher(&host, "development");
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 5000\r\n\r\n").into_bytes();
    let pause = Duration::from_millis(200);
    host.publish("/no-head", Sends::All(vec![]));
    host.publish("/slow-head", Sends::Slowly(vec![], head.clone(), pause));
    host.publish("/no-body", Sends::All(head.clone()));
    host.publish("/slow-body", Sends::Slowly(head, vec![b' '; 5000], pause));
    // An answer that is always about to come.
    let wait = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    host.publish("/hints", Sends::Slowly(vec![], wait, Duration::from_millis(5)));
    let slow = |path: &str| {
        let (fetcher, url) = (&fetcher, host.at(path));
        async move { ask(fetcher, &url).await }
    };
    let answers = tokio::join!(
        ask(&fetcher, &no_tls),
        slow("/no-head"),
        slow("/slow-head"),
        slow("/no-body"),
        slow("/slow-body"),
        slow("/hints"),
    );
    let answers = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
    for (index, answer) in answers.into_iter().enumerate() {
        let problem = answer.unwrap_err();
        let slow = matches!(problem, DocumentError::Fetch(FetchError::Slow));
        assert!(slow, "{index}: {problem}");
    }
}

#[tokio::test]
async fn what_ends_before_its_end_is_no_document() {
    let whole = answer("200 OK", JSON, "{\"client_id\":\"x\"}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n");
    let unended = format!("HTTP/1.1 200 OK\r\n{JSON}\r\n{{}}");
    for part in [
        &[],
        &whole[..20],
        &whole[..whole.len() - 1],
        chunked.as_bytes(),
        // Cut off as it is, without TLS's own goodbye, it could have been longer.
        unended.as_bytes(),
    ] {
        let problem = of(Sends::Part(part.to_vec())).await.unwrap_err();
        let cut = matches!(problem, DocumentError::Fetch(FetchError::Unreachable(_)));
        assert!(cut, "{}: {problem}", String::from_utf8_lossy(part));
    }
}

#[tokio::test]
async fn each_fetch_has_a_connection_that_ends_with_it() {
    let host = DocumentHost::start();
    host.publish("/c", json("{}"));
    let fetcher = fetcher(&host, "development");
    for asked in 1..=3 {
        ask(&fetcher, &host.at("/c")).await.unwrap();
        assert_eq!(host.connections(), asked);
        // The host would have kept it.
        while host.ended() < asked {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn without_the_switch_nothing_here_is_connected_to() {
    let host = DocumentHost::start();
    host.publish("/c", json("{}"));
    let port = host.port();
    let fetcher = fetcher(&host, "on");
    for name in [
        "127.0.0.1",
        "127.0.0.2",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:7f00:1]",
        "[::7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        let problem = ask(&fetcher, &format!("https://{name}:{port}/c")).await.unwrap_err();
        let problem = problem.to_string();
        assert!(problem.contains("is not a public address"), "{name}: {problem}");
    }
    assert_eq!(host.connections(), 0);
}

#[tokio::test]
async fn the_switch_opens_loopback_and_nothing_else() {
    let host = DocumentHost::start();
    host.publish("/c", json("{}"));
    let port = host.port();
    let fetcher = fetcher(&host, "development");
    for name in ["127.0.0.1", "localhost"] {
        ask(&fetcher, &format!("https://{name}:{port}/c")).await.unwrap();
    }
    for name in ["0.0.0.0", "[::]", "[::ffff:7f00:1]", "10.0.0.1", "192.168.0.1", "[fd00::1]"] {
        let problem = ask(&fetcher, &format!("https://{name}:{port}/c")).await.unwrap_err();
        assert!(matches!(problem, DocumentError::Forbidden(_)), "{name}: {problem}");
    }
    assert_eq!(host.connections(), 2);
}

#[tokio::test]
async fn a_certificate_is_of_a_known_authority_and_for_that_host() {
    let (host, stranger) = (DocumentHost::start(), DocumentHost::start());
    let misnamed = DocumentHost::start_for(&["other.example"]);
    for other in [&stranger, &misnamed] {
        other.publish("/c", json("{}"));
    }
    let unknown = ask(&fetcher(&host, "development"), &stranger.at("/c")).await;
    let wrong_name = ask(&fetcher(&misnamed, "development"), &misnamed.at("/c")).await;
    for answer in [unknown, wrong_name] {
        let problem = answer.unwrap_err().to_string();
        assert!(problem.contains("certificate"), "{problem}");
    }
    assert!(stranger.requests().is_empty() && misnamed.requests().is_empty());
}

#[tokio::test]
async fn off_is_off() {
    let host = DocumentHost::start();
    let answer = ask(&fetcher(&host, "off"), &host.at("/c")).await;
    assert!(matches!(answer, Err(DocumentError::Off)));
    assert_eq!(host.connections(), 0);
}
