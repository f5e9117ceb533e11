//! The listeners, the routes, and an orderly end.

mod connections;
mod recording;
mod routes;

use std::io;
use std::net::{IpAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App as Actix, HttpServer, web};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use tracing_actix_web::TracingLogger;

use crate::app::{App, FormerIssuers};
use crate::middleware::request_log::{RequestSpan, repeat_id};
use crate::middleware::{outcome, security_headers, sighting};
use crate::pages::brand::Brand;
use crate::pages::side::Side;
use crate::storage::{GivenUp, Storage, StorageError, events, issuers};
use crate::{endpoints, notifier, sweeper, systemd, watchman};

/// How long a client may take to send its request's head, and a connection to close.
const PATIENCE: Duration = Duration::from_secs(5);
/// At a stop: how long those who were let in may take to begin. A reverse proxy begins at once.
const LAST_CALL: Duration = Duration::from_millis(100);
/// How long an idle connection is kept: longer than the 60 seconds for which reverse proxies keep
/// theirs, so that it is the proxy that closes it, and never we while a request is on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

use connections::Room;
pub use connections::raise_descriptors;
use routes::{Sides, introspection, public_routes};

/// Where requests come from.
pub struct Listeners {
    /// Everybody.
    pub public: TcpListener,
    /// Resources and supervisors, if they have one of their own.
    pub internal: Option<TcpListener>,
}

/// Serves until `shutdown` returns, then drains: running requests are finished, the queue is
/// emptied, the last commit is made, and the write-ahead log is folded into the database.
///
/// # Errors
/// When a listener cannot be used, the database is damaged, or its writer was lost: then the
/// process must not go on.
pub async fn run(
    mut app: App,
    listeners: Listeners,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let storage = app.storage.clone();
    remember_sign_ins(&app).await;
    remember_former_issuers(&mut app).await?;
    let channels = notifier::channels(&app.config, &app.fetcher).map_err(io::Error::other)?;
    let app = web::Data::new(app);
    let alone = Sides { public: true, internal: listeners.internal.is_none() };
    let room = Room::find(&app.config, 1 + usize::from(listeners.internal.is_some()));
    let mut servers = vec![listen(&app, listeners.public, alone, room)?];
    if let Some(internal) = listeners.internal {
        let sides = Sides { public: false, internal: true };
        servers.push(listen(&app, internal, sides, room)?);
    }
    storage.serve().await;
    let watching_over =
        watchman::start(&app.clone().into_inner()).await.map_err(io::Error::other)?;
    let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
    let running: Vec<JoinHandle<io::Result<()>>> = servers.into_iter().map(tokio::spawn).collect();
    let checking = check_after_unclean_stop(app.clone().into_inner());
    let sweeping = {
        let app = app.clone();
        tokio::spawn(async move { sweeper::run(&app).await })
    };
    let recording = recording::start(&app);
    let telling = notifier::start(&app.clone().into_inner(), channels).await;
    let looking = tokio::spawn({
        let storage = storage.clone();
        async move { storage.look().await }
    });
    let watched = storage.clone();
    let watching = tokio::spawn(async move { systemd::stay_alive(&watched).await });
    systemd::ready();

    let lost = {
        let mut shutdown = pin!(shutdown);
        tokio::select! {
            () = &mut shutdown => false,
            () = storage.health().lost() => true,
        }
    };
    info!("stopping");
    systemd::stopping();
    app.readiness.drain();
    sweeping.abort();
    telling.stop();
    stop(handles, !lost).await;
    for server in running {
        server.await.map_err(io::Error::other)??;
    }
    telling.stopped().await;
    recording.abort();
    recording::record(&app).await;
    checking.abort();
    watching.abort();
    watching_over.abort();
    looking.abort();
    close(&storage, lost).await
}

/// Nobody is let in any more, and whoever is in gets an answer. Without the last call actix would
/// hang up on those who have not said yet what they want: with a socket that stays open for the
/// next process, these are all that a restart could cost.
async fn stop(servers: Vec<ServerHandle>, gracefully: bool) {
    if gracefully {
        for server in &servers {
            server.pause().await;
        }
        tokio::time::sleep(LAST_CALL).await;
    }
    // Together: each may take all of the time that there is.
    let stopped: Vec<JoinHandle<()>> = servers
        .into_iter()
        .map(|server| tokio::spawn(async move { server.stop(gracefully).await }))
        .collect();
    for server in stopped {
        let _joined = server.await;
    }
}

async fn close(storage: &Storage, lost: bool) -> io::Result<()> {
    if !lost {
        storage.close().await;
    }
    let why = storage.health().given_up().map(GivenUp::words);
    let Some(why) = why.or(lost.then_some("the writer of the database was lost")) else {
        info!("stopped");
        return Ok(());
    };
    error!("{why}");
    Err(io::Error::other(why))
}

/// Where clients may still be bound to.
async fn remember_former_issuers(app: &mut App) -> io::Result<()> {
    let former = app.storage.read(issuers::former).await;
    let former = former.map_err(|error: StorageError| io::Error::other(error))?;
    app.former = FormerIssuers::new(former, &app.config.issuer, app.clock.now());
    for issuer in app.former.iter() {
        info!(%issuer, "answering for a former issuer too");
    }
    Ok(())
}

fn listen(
    app: &web::Data<App>,
    listener: TcpListener,
    sides: Sides,
    room: Room,
) -> io::Result<Server> {
    let config = &app.config;
    let drain = u64::try_from(config.shutdown_timeout.0).unwrap_or(30);
    let routes = app.clone();
    let brand = web::Data::new(Brand::new(&config.brand));
    let factory = move || {
        let app = routes.clone();
        let https = app.config.issuer.is_https();
        Actix::new()
            .app_data(app.clone())
            .app_data(if sides.public { Side::public(&app.config) } else { Side::Internal })
            .app_data(brand.clone())
            .app_data(web::PayloadConfig::new(app.config.limits.body))
            .configure(|routes| {
                if sides.internal {
                    introspection(routes, &app);
                    endpoints::gate(routes);
                    endpoints::health(routes);
                }
            })
            .service(
                web::scope("")
                    .wrap(from_fn(sighting::note))
                    .wrap(from_fn(repeat_id))
                    .wrap(TracingLogger::<RequestSpan>::new())
                    .wrap(from_fn(outcome::count))
                    .wrap(security_headers::for_browsers(https))
                    .configure(|routes| public_routes(routes, &app, sides)),
            )
    };
    let server = HttpServer::new(factory)
        .workers(room.workers)
        .client_request_timeout(PATIENCE)
        .client_disconnect_timeout(PATIENCE)
        .keep_alive(KEEP_ALIVE)
        .max_connections(room.connections)
        .shutdown_timeout(drain)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Where accounts were signed in to before is not for strangers to lock.
async fn remember_sign_ins(app: &App) {
    const NEWEST: i64 = 20_000;
    match app.storage.read(|conn| events::sign_ins(conn, NEWEST)).await {
        Err(error) => warn!(%error, "the record of sign-ins cannot be read"),
        Ok(signed_in) => {
            for (username, address) in signed_in {
                let Ok(address) = address.parse::<IpAddr>() else { continue };
                app.limits.sign_ins.remember(&username, address.into());
            }
        }
    }
}

/// After a crash every page is looked at, on a thread of its own, before `/readyz` is green. The
/// service answers meanwhile: the write-ahead log has brought back what was committed.
fn check_after_unclean_stop(app: Arc<App>) -> JoinHandle<()> {
    if !app.storage.opened().unclean {
        return tokio::spawn(async {});
    }
    app.readiness.set_checking(true);
    tokio::spawn(async move {
        let storage = app.storage.clone();
        loop {
            let storage = storage.clone();
            match tokio::task::spawn_blocking(move || storage.quick_check()).await {
                Ok(Ok(())) => break,
                // Said, and the end of the process.
                Ok(Err(StorageError::Corrupt(_))) => return,
                Ok(Err(error)) => warn!(%error, "the database could not be checked yet"),
                Err(error) => warn!(%error, "the check of the database was interrupted"),
            }
            tokio::time::sleep(PATIENCE).await;
        }
        info!("the database is whole after an unclean stop");
        app.readiness.set_checking(false);
    })
}
