//! rmcp, driven by lines of JSON. Only the browser is ours: a person at the other end of stdout.

use std::error::Error;
use std::io::{BufRead as _, Write as _};

use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ClientConfig};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationManager, AuthorizationRequest, CredentialStore,
    InMemoryCredentialStore, OAuthState,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn say(what: &Value) {
    println!("{what}");
    let _ = std::io::stdout().flush();
}

/// The path and query of the next redirect.
async fn callback(listener: &TcpListener) -> Outcome<String> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut head = vec![0; 16 * 1024];
        let length = stream.read(&mut head).await?;
        let body = "You may close this window.";
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await?;
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if target.starts_with("/callback") {
            return Ok(target);
        }
    }
}

async fn sign_in(url: &str, store: &InMemoryCredentialStore) -> Outcome<AuthorizationManager> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let mut manager = AuthorizationManager::new(url).await?;
    manager.set_credential_store(store.clone());
    let mut state = OAuthState::Unauthorized(manager);
    let request = AuthorizationRequest::new(format!("{base}/callback")).with_client_name("rmcp");
    state.start_authorization(request).await?;
    say(&json!({ "open": state.get_authorization_url().await? }));
    let target = callback(&listener).await?;
    state.handle_callback_url(&format!("{base}{target}")).await?;
    state.into_authorization_manager().ok_or_else(|| "not authorized".into())
}

async fn call(
    url: &str,
    auth: &mut Option<AuthClient<reqwest::Client>>,
    store: &InMemoryCredentialStore,
) -> Outcome<Value> {
    if auth.is_none() {
        let manager = sign_in(url, store).await?;
        *auth = Some(AuthClient::new(Default::default(), manager));
    }
    let client = auth.clone().ok_or("no client")?;
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let service = ClientConfig::default().serve(transport).await?;
    let result = service.call_tool(CallToolRequestParams::new("whoami")).await?;
    service.cancel().await?;
    let stored = store.load().await?.ok_or("no credentials")?;
    let tokens = serde_json::to_value(&stored.token_response)?;
    Ok(json!({
        "result": result.structured_content,
        "access_token": tokens["access_token"],
        "refresh_token": tokens["refresh_token"],
    }))
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let url = std::env::args().nth(1).ok_or("usage: rmcp-client URL")?;
    let store = InMemoryCredentialStore::new();
    let mut auth = None;
    for line in std::io::stdin().lock().lines() {
        line?;
        match call(&url, &mut auth, &store).await {
            Ok(answer) => say(&answer),
            Err(error) => say(&json!({ "error": error.to_string() })),
        }
    }
    Ok(())
}
