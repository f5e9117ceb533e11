//! A service that knows two clients and two MCP servers, for what cannot be decided without one.

use std::cell::OnceCell;

use mcp_oauthd::authorization::request::Offer;
use mcp_oauthd::clients::registration::{self, Bounds};
use mcp_oauthd::clock::Clock;
use mcp_oauthd::config::{Connecting, Database};
use mcp_oauthd::oauth::{IntrospectionId, Issuer, Scope, ScopeHierarchy, TokenHash};
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::{ClientOrigin, DbConnection, Limits, Missing, Storage, StorageError};
use tokio::runtime::{Builder, Runtime};

/// A public client.
pub(crate) const APP: &str = "app";
/// A confidential one.
pub(crate) const MACHINE: &str = "machine";
/// Its secret.
pub(crate) const SECRET: &str = "mcpsY2Vydalw9u3Kq0c7XnTQh4";
pub(crate) const RESOURCES: [&str; 2] = ["https://mcp.example/mcp", "https://wiki.example:8443/"];
pub(crate) const REDIRECT_URIS: &str = r#""redirect_uris":["https://app.example/cb?x=1",
    "http://127.0.0.1/callback","http://localhost:33418/","com.example.app:/cb"]"#;
/// As they are by default, but for the longest string.
pub(crate) const BOUNDS: Bounds = Bounds { redirect_uris: 20, string: 256, unused_clients: 100 };

pub(crate) struct World {
    runtime: Runtime,
    storage: Storage,
    pub(crate) offer: Offer,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

/// Asks something of the world, which nobody changes.
pub(crate) fn with<T>(ask: impl FnOnce(&World) -> T) -> T {
    WORLD.with(|world| ask(world.get_or_init(World::new)))
}

pub(crate) fn issuer() -> Issuer {
    "https://auth.example/oauth".parse().unwrap()
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let clock = Clock::manual();
        let (database, limits) = (Database::Memory, Limits::default());
        let storage = Storage::open(&database, Missing::Create, limits, clock.clone()).unwrap();
        let now = clock.now();
        let populate = storage.write(move |conn: &mut DbConnection| {
            for (id, method) in [(APP, "none"), (MACHINE, "client_secret_basic")] {
                let body =
                    format!(r#"{{{REDIRECT_URIS},"token_endpoint_auth_method":"{method}"}}"#);
                let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
                let secret = (!metadata.is_public()).then(|| TokenHash::of(SECRET));
                let id = id.parse().unwrap();
                let client = Client::new(id, metadata, ClientOrigin::Registered, now);
                clients::insert(conn, &Client { secret_hash: secret, ..client })?;
            }
            for resource in RESOURCES {
                let named = (IntrospectionId::generate(), None);
                let uri = resource.parse().unwrap();
                mcp_oauthd::accounts::setup::add_resource(conn, &uri, named, None, now)?;
            }
            Ok::<_, StorageError>(())
        });
        runtime.block_on(populate).unwrap();
        let offer = Offer {
            scopes: Scope::requested("admin mcp read"),
            hierarchy: ScopeHierarchy::default(),
            default_resource: None,
            connecting: Connecting::default(),
            issuer: "https://auth.example".parse().unwrap(),
        };
        Self { runtime, storage, offer }
    }

    /// Decides by what is in the database, which cannot be written.
    pub(crate) fn read<T, E: From<StorageError>>(
        &self,
        decide: impl FnOnce(&mut DbConnection) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        self.wait(self.storage.read(decide))
    }

    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }
}
