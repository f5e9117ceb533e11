//! What a request costs, as a ratio to an empty handler in the same run: machines differ, and the
//! same machine differs from minute to minute. `cargo bench --bench http`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may panic, and prints")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use mcp_oauthd::accounts::setup::add_resource;
use mcp_oauthd::app::App;
use mcp_oauthd::clients::registration::{Bounds, metadata, register};
use mcp_oauthd::clock::{Clock, Seconds};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::gate::rule_book;
use mcp_oauthd::mcp::{Rule, RuleKind};
use mcp_oauthd::oauth::{Scope, TokenHash, TokenKind, TokenSecret, UserId};
use mcp_oauthd::server::{self, Listeners};
use mcp_oauthd::storage::access_tokens::{self, AccessToken};
use mcp_oauthd::storage::grants::{self, Grant};
use mcp_oauthd::storage::refresh_tokens::{self, RefreshToken};
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{
    ClientOrigin, DbConnection, Limits, Missing, Role, Storage, StorageError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const RESOURCE: &str = "https://wiki.example.org/mcp";
/// It has rules about its tools.
const RULED: &str = "https://ruled.example.org/mcp";
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// A pair of tokens of one client, in clear.
struct Pair {
    client_id: String,
    access: String,
    refresh: String,
}

/// What is asked again and again, and the empty handler that it is measured against.
struct Case {
    name: &'static str,
    address: SocketAddr,
    request: String,
    baseline: usize,
    rates: Vec<f64>,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (service, pairs, ruled) = start_service(256).await;
        let mut cases = cases(start_empty(), service, (&pairs[0].access, &ruled.access));
        for _ in 0..ROUNDS {
            for case in &mut cases {
                case.rates.push(repeat(case.address, &case.request, 32).await);
            }
        }
        let medians: Vec<f64> = cases.iter_mut().map(|case| median(&mut case.rates)).collect();
        for (case, rate) in cases.iter().zip(&medians) {
            let ratio = rate / medians[case.baseline];
            println!("{:<30}{rate:>9.0} /s   {ratio:.2} of empty", case.name);
        }
        let pairs: Vec<Arc<Pair>> = pairs.into_iter().map(Arc::new).collect();
        // Each client once: a token that others have used is no good.
        for clients in [1, 8, 32, 128] {
            let rate = rotate(service, &pairs[clients..2 * clients]).await;
            println!("refresh, {clients:>3} clients          {rate:>9.0} /s   durable");
        }
    });
}

fn cases(empty: SocketAddr, service: SocketAddr, (token, ruled): (&str, &str)) -> Vec<Case> {
    let auth = BASE64.encode(b"wiki:a-secret-of-the-wiki");
    let introspect =
        format!("POST /introspect HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {auth}\r\n");
    let garbage = token.replace("mat_", "mat_x");
    let gate = |token: &str| {
        format!("GET /gate/wiki/mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let hint = "token_type_hint=access_token";
    let nothing = with_form("POST / HTTP/1.1\r\nHost: x\r\n", &format!("token={token}&{hint}"));
    let nothing_got = gate(token).replace("/gate/wiki/mcp", "/");
    let call = "\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: search\r\n\r\n";
    let ruled = gate(ruled).replace("/gate/wiki", "/gate/ruled").replace("\r\n\r\n", call);
    [
        ("empty POST handler", empty, nothing, 0),
        (
            "introspection, live token",
            service,
            with_form(&introspect, &format!("token={token}&{hint}")),
            0,
        ),
        ("introspection, garbage", service, with_form(&introspect, &format!("token={garbage}")), 0),
        ("empty GET handler", empty, nothing_got, 3),
        ("gate, live token", service, gate(token), 3),
        ("gate, live token, three rules", service, ruled, 3),
        ("gate, garbage", service, gate(&garbage), 3),
    ]
    .map(|(name, address, request, baseline)| Case {
        name,
        address,
        request,
        baseline,
        rates: vec![],
    })
    .into()
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn with_form(head: &str, form: &str) -> String {
    let length = form.len();
    format!(
        "{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    )
}

/// The cheapest thing that actix does with a form.
fn start_empty() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = actix_web::HttpServer::new(|| {
        let answer =
            |_form: actix_web::web::Form<Vec<(String, String)>>| async { "{\"active\":false}" };
        actix_web::App::new()
            .route("/", actix_web::web::post().to(answer))
            .route("/", actix_web::web::get().to(actix_web::HttpResponse::Ok))
    });
    tokio::spawn(server.workers(2).disable_signals().listen(listener).unwrap().run());
    address
}

async fn start_service(clients: usize) -> (SocketAddr, Vec<Pair>, Pair) {
    let folder = Box::leak(Box::new(tempfile::tempdir_in("target").unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = [
        ("MCP_OAUTH_DB", folder.path().join("bench.db").display().to_string()),
        ("MCP_OAUTH_ISSUER", format!("http://{address}")),
        ("MCP_OAUTH_WORKERS", "2".to_owned()),
        ("MCP_OAUTH_LIMITS", "off".to_owned()),
    ];
    let settings = settings.map(|(name, text)| (name.to_owned(), text));
    let config = Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap();
    let (clock, queue) = (Clock::System, Limits::default());
    let storage = Storage::open(&config.database, Missing::Create, queue, clock.clone()).unwrap();
    let (pairs, ruled) = fill(&storage, clients).await;
    let app = App::new(config, storage, clock).unwrap();
    let listeners = Listeners { public: listener, internal: None };
    tokio::spawn(async { server::run(app, listeners, std::future::pending()).await.unwrap() });
    (address, pairs, ruled)
}

async fn fill(storage: &Storage, clients: usize) -> (Vec<Pair>, Pair) {
    let now = Clock::System.now();
    let user = User::new(UserId::generate(), "ada".to_owned(), Role::Owner, now);
    let user_id = user.id.clone();
    let prepare = move |conn: &mut DbConnection| {
        users::insert(conn, &user)?;
        let named = ("wiki".parse().unwrap(), None);
        let hash = TokenHash::of("a-secret-of-the-wiki");
        add_resource(conn, &RESOURCE.parse().unwrap(), named, Some(&hash), now)?;
        let named = ("ruled".parse().unwrap(), None);
        let resource = add_resource(conn, &RULED.parse().unwrap(), named, Some(&hash), now)?;
        let tools = ["get_*", "list_*", "search"].map(str::to_owned);
        let offered = "mcp".parse().unwrap();
        let rules = Rule::for_names(RuleKind::Only, "mcp", None, &tools, &offered).unwrap();
        rules
            .iter()
            .try_for_each(|rule| rule_book::add(conn, &resource, rule, false, now).map(drop))
    };
    storage.write::<_, StorageError>(prepare).await.unwrap();
    let mut pairs = vec![];
    for _ in 0..clients {
        let user_id = user_id.clone();
        pairs.push(storage.write(move |conn| pair(conn, &user_id, RESOURCE)).await.unwrap());
    }
    let ruled = storage.write(move |conn| pair(conn, &user_id, RULED)).await.unwrap();
    (pairs, ruled)
}

fn pair(conn: &mut DbConnection, user_id: &UserId, resource: &str) -> Result<Pair, StorageError> {
    let now = Clock::System.now();
    let (until, scope): (_, Scope) = (now + Seconds(86_400), "mcp".parse().unwrap());
    let bounds = Bounds { redirect_uris: 9, string: 999, unused_clients: 9999 };
    let body = br#"{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}"#;
    let metadata = metadata(body, &bounds).unwrap();
    let client = register(conn, &metadata, ClientOrigin::Configured, &bounds, now)?.client;
    let grant = grants::insert(conn, |id| Grant {
        id,
        client_id: client.client_id.clone(),
        user_id: user_id.clone(),
        scope: scope.clone(),
        resource: resource.parse().unwrap(),
        created_at: now,
        last_used_at: now,
        expires_at: until,
        tokens_until: until,
        revoked_at: None,
        revoked_because: None,
        last_used_address: None,
    })?;
    let refresh = refresh_tokens::insert(conn, |id| {
        let secret = TokenSecret::generate(TokenKind::Refresh, id);
        let row = RefreshToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            previous: None,
            expires_at: until,
            used_at: None,
            salt: None,
            successor_id: None,
            access_id: None,
            confirmed_at: None,
        };
        (secret, row)
    })?;
    let access = access_tokens::insert(conn, |id| {
        let secret = TokenSecret::generate(TokenKind::Access, id);
        let row = AccessToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            generation: Some(refresh.id()),
            scope: scope.clone(),
            issued_at: now,
            expires_at: until,
        };
        (secret, row)
    })?;
    let client_id = client.client_id.to_string();
    Ok(Pair { client_id, access: access.reveal(), refresh: refresh.reveal() })
}

/// The same request again and again, on some connections; answers in a second.
async fn repeat(address: SocketAddr, request: &str, connections: usize) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let request = request.to_owned();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answered = 0_u32;
                while begun.elapsed() < ROUND {
                    exchange(&mut stream, &request).await;
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    total(tasks).await / begun.elapsed().as_secs_f64()
}

/// Each client refreshes with the token that it got last.
async fn rotate(address: SocketAddr, pairs: &[Arc<Pair>]) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let pair = pair.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut token, mut answered) = (pair.refresh.clone(), 0_u32);
                while begun.elapsed() < ROUND {
                    let form = format!(
                        "grant_type=refresh_token&client_id={}&refresh_token={token}",
                        pair.client_id
                    );
                    let head = "POST /token HTTP/1.1\r\nHost: x\r\n";
                    let answer = exchange(&mut stream, &with_form(head, &form)).await;
                    let member = "\"refresh_token\":\"";
                    let (_, rest) = answer.split_once(member).unwrap_or_else(|| panic!("{answer}"));
                    rest[..58].clone_into(&mut token);
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    total(tasks).await / begun.elapsed().as_secs_f64()
}

async fn total(tasks: Vec<tokio::task::JoinHandle<u32>>) -> f64 {
    let mut total = 0;
    for task in tasks {
        total += task.await.unwrap();
    }
    f64::from(total)
}

/// Sends a request and reads its whole answer.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut buffer, mut length) = (vec![0; 4096], 0);
    loop {
        length += stream.read(&mut buffer[length..]).await.unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let declared = head.split("content-length: ").nth(1).unwrap();
            if body.len() >= declared.split("\r\n").next().unwrap().parse::<usize>().unwrap() {
                return text.to_owned();
            }
        }
        assert!(length > 0, "the connection was closed");
    }
}
