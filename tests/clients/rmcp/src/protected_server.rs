//! A server of rmcp behind the code that the set-up page shows, which is the module `protect`.

use axum::Router;
use rmcp::handler::server::tool::Extension;
use rmcp::model::CallToolResult;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};

mod protect {
    include!(env!("PROTECT"));
}

#[derive(Clone)]
struct Server;

#[tool_router]
impl Server {
    #[tool(description = "Says who is calling")]
    async fn whoami(
        &self,
        Extension(parts): Extension<axum::http::request::Parts>,
    ) -> CallToolResult {
        let caller = parts.extensions.get::<protect::Caller>().expect("nobody passes without");
        CallToolResult::structured(serde_json::json!({ "username": caller.username }))
    }
}

#[tool_handler]
impl ServerHandler for Server {}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("usage: protected-server PORT")?.parse()?;
    let service: StreamableHttpService<Server, LocalSessionManager> = StreamableHttpService::new(
        || Ok(Server),
        Default::default(),
        StreamableHttpServerConfig::default(),
    );
    let mcp = Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, protect::protect(mcp)).await?)
}
