//! `serve`: runs the service.

use std::net::{SocketAddr, TcpListener};

use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{Failure, limits, notify, output};
use crate::accounts::declared::{DeclarationError, declare_owner, declare_resource};
use crate::accounts::password::NewPassword;
use crate::accounts::{Username, setup};
use crate::app::App;
use crate::authorization::limits as scope_limits;
use crate::clock::Clock;
use crate::config::{ClientDocuments, Config, DeclaredOwner};
use crate::gate::rule_book;
use crate::moving::issuer::{self, Discord};
use crate::oauth::ResourceUri;
use crate::revocation::ending;
use crate::server::{self, Listeners};
use crate::storage::{Missing, Storage, StorageError, users};
use crate::{systemd, telemetry};

/// Opens, declares, listens, and serves until a signal says stop.
///
/// # Errors
/// 69 for the database and the address, 78 for the settings.
pub async fn run(mut config: Config) -> Result<(), Failure> {
    telemetry::start(config.log_format);
    server::raise_descriptors();
    // A terminal that is closed does not end a service; whoever means to sends SIGTERM.
    let _ignored = signal(SignalKind::hangup())?;
    // From the beginning: a stop while we start is an orderly one too.
    let stop = stop_signal()?;
    // Now, because later there would be something to undo.
    notify::channels(&config)?;
    let listeners = listeners(&config)?;
    let listen = listeners.public.local_addr()?;
    // Handed over or opened: where introspection is, the metadata and the set-up page have to say.
    config.internal_listen = listeners.internal.as_ref().and_then(|l| l.local_addr().ok());
    config.check_internal_listener()?;
    let clock = Clock::System;
    let limits = limits(&config);
    let storage = Storage::open(&config.database, Missing::Create, limits, clock.clone())?;
    if let Some(before) = storage.opened().updated_from {
        info!(from = before, "the schema of the database was brought up to date");
    }
    let app = App::new(config, storage, clock)?;
    let prepared = prepare(&app).await;
    if prepared.is_err() {
        app.storage.close().await;
    }
    prepared?;
    info!(
        issuer = %app.config.issuer,
        %listen,
        database = %app.config.database,
        "mcp-oauthd {} is serving",
        env!("CARGO_PKG_VERSION")
    );
    if !app.config.limits.on {
        warn!("limits on what succeeds are off");
    }
    if app.config.client_documents == ClientDocuments::Development {
        warn!(
            "clients' documents are fetched from loopback addresses too, and private authorities \
             are believed for them: that is for development"
        );
    }
    server::run(app, listeners, stop).await?;
    Ok(())
}

/// Says in one line what a changed URL costs, and to whom.
async fn settle_the_issuer(app: &App) -> Result<(), Failure> {
    let issuer = app.config.issuer.clone();
    let settle = move |conn: &mut _| issuer::settle(conn, &issuer);
    let present = &app.config.issuer;
    match app.storage.write::<_, StorageError>(settle).await? {
        None => {}
        Some(Discord::NotRecorded { bound_to, clients }) => warn!(
            "MCP_OAUTH_ISSUER is {present}, but {clients} apps and every passkey are bound to \
             {bound_to}: they are stranded unless it is answered for too. See: mcp-oauthd issuer \
             move {present}"
        ),
        Some(Discord::NotSettled { to }) => warn!(
            "the move to {to} is recorded, but MCP_OAUTH_ISSUER is still {present}: set it to {to}, \
             or take it back by: mcp-oauthd issuer move {present} --yes"
        ),
    }
    Ok(())
}

async fn prepare(app: &App) -> Result<(), Failure> {
    if let Some(owner) = &app.config.owner {
        declare_the_owner(app, owner).await?;
    }
    settle_the_issuer(app).await?;
    let (now, overlap) = (app.clock.now(), app.config.lifetimes.secret_overlap);
    // A change before this one is written out first, in case that its process was killed: declared
    // scopes are another change. What these end is dead at once, and the sweeper writes it out.
    ending::settle(&app.storage, now).await?;
    for resource in app.config.resources.clone() {
        let declare = move |conn: &mut _| declare_resource(conn, &resource, overlap, now);
        app.storage.write(declare).await.map_err(|error| match error {
            DeclarationError::Failed(error) => error.into(),
            taken @ DeclarationError::IdTaken { .. } => Failure::Configuration(taken.to_string()),
            unsettled @ DeclarationError::Unsettled { .. } => {
                Failure::Unavailable(unsettled.to_string())
            }
        })?;
    }
    let named: Vec<ResourceUri> =
        app.config.resources.iter().map(|resource| resource.uri.clone()).collect();
    let undeclare = move |conn: &mut _| rule_book::undeclare_all_but(conn, &named);
    app.storage.write::<_, StorageError>(undeclare).await?;
    let hierarchy = app.config.scope_hierarchy.clone();
    let expand = move |conn: &mut _| scope_limits::expand(conn, &hierarchy);
    app.storage.write::<_, StorageError>(expand).await?;
    let link = app.storage.write(move |conn| setup::new_link(conn, now)).await?;
    let Some(link) = link else { return Ok(()) };
    output::hint("Nobody has an account yet. Open this link to make yours; it works once:");
    // The one place where such a link is written, and never through the log.
    let printed = output::line(&app.config.issuer.url(&format!("/setup?token={}", link.reveal())));
    // Whoever has gone is no success here: nothing was served, and nobody can set it up.
    printed.map_err(|_| Failure::Failed("the link cannot be printed: stdout is closed".to_owned()))
}

/// An account that is there is left alone, its password too.
async fn declare_the_owner(app: &App, owner: &DeclaredOwner) -> Result<(), Failure> {
    let wrong = |setting, error: &crate::oauth::OAuthError| {
        Failure::Configuration(format!("{setting}: {}", error.description))
    };
    let username = Username::parse(&owner.username).map_err(|e| wrong("MCP_OAUTH_OWNER", &e))?;
    let name = username.clone();
    let found = app.storage.read(|conn| users::find_by_name(conn, name.as_str())).await?;
    if found.is_some() {
        return Ok(());
    }
    let password = NewPassword::parse(owner.password.expose_secret().into(), &username)
        .map_err(|error| wrong("MCP_OAUTH_OWNER_PASSWORD", &error))?;
    let password = app.passwords.hash(password).await?;
    let now = app.clock.now();
    let declare = move |conn: &mut _| declare_owner(conn, &username, &password, now);
    Ok(app.storage.write::<(), StorageError>(declare).await?)
}

/// What was handed over, and for the rest what the settings say.
fn listeners(config: &Config) -> Result<Listeners, Failure> {
    let handed_over =
        systemd::sockets().map_err(|error| Failure::Configuration(error.to_string()))?;
    let public = handed_over.public.map_or_else(|| bind(config.listen, "MCP_OAUTH_LISTEN"), Ok)?;
    let internal = match (handed_over.internal, config.internal_listen) {
        (None, Some(address)) => Some(bind(address, "MCP_OAUTH_INTERNAL_LISTEN")?),
        (handed_over, _) => handed_over,
    };
    Ok(Listeners { public, internal })
}

fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    let unavailable = |error| Failure::Unavailable(format!("{setting} {address}: {error}"));
    // With SO_REUSEADDR, so that a restart does not have to wait; a listener in use still refuses.
    TcpListener::bind(address).map_err(unavailable)
}

/// The first SIGTERM or SIGINT drains; the second ends at once.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(1);
        });
    })
}
