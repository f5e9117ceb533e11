//! What every request shares.

pub mod fetcher;
mod issuers;
pub mod limiter;
mod network;
pub mod sign_ins;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::password::Passwords;
use crate::accounts::providers::Providers;
use crate::accounts::session::SessionLifetimes;
use crate::accounts::sign_in;
use crate::attempts::Collector;
use crate::authorization::request::Offer;
use crate::clients::registration::Bounds;
use crate::clock::{Clock, Seconds};
use crate::config::Config;
use crate::error::Error;
use crate::gate::confirmation::Confirmations;
use crate::grant_types::Terms;
use crate::metrics::{DocumentRequest, Metrics};
use crate::oauth::{ClientIdUrl, IntrospectionId, Issuer, ResourceUri};
use crate::storage::Storage;
use fetcher::{Fetcher, Published, Unpublished};
pub use issuers::FormerIssuers;
use limiter::Limiter;
pub use network::Network;
use sign_ins::SignIns;

/// The service, without its listener.
pub struct App {
    /// Read once, at start.
    pub config: Config,
    /// From where the service has moved away; read once, at start.
    pub former: FormerIssuers,
    /// The database.
    pub storage: Storage,
    /// The only source of time.
    pub clock: Clock,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Who has done too much.
    pub limits: RateLimits,
    /// What is counted.
    pub metrics: Metrics,
    /// What we ask of others.
    pub fetcher: Fetcher,
    /// Other services at which people sign in.
    pub providers: Providers,
    /// Pairs whose arrival is being noted.
    pub confirmations: Confirmations,
    /// What was seen of attempts to connect, on its way to the database.
    pub attempts: Collector,
    /// Whether traffic may come.
    pub readiness: Readiness,
}

impl App {
    /// # Errors
    /// When the operating system has no randomness.
    pub fn new(config: Config, storage: Storage, clock: Clock) -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            limits: RateLimits::new(&config),
            fetcher: Fetcher::new(config.outgoing_ca.clone())
                .with_documents(config.client_documents),
            providers: Providers::new(&config.sign_in.providers),
            config,
            former: FormerIssuers::default(),
            storage,
            clock,
            passwords: Passwords::new(cores)?,
            metrics: Metrics::new(),
            confirmations: Confirmations::default(),
            attempts: Collector::default(),
            readiness: Readiness::default(),
        })
    }

    /// For a token request from `address` that is decided now.
    #[must_use]
    pub fn terms(&self, address: IpAddr) -> Terms {
        let lifetimes = &self.config.lifetimes;
        Terms {
            now: self.clock.now(),
            access_token_lifetime: lifetimes.access_token,
            refresh_token_lifetime: lifetimes.refresh_token,
            grant_lifetime: lifetimes.grant,
            refresh_grace: lifetimes.refresh_grace,
            address: Some(address),
        }
    }

    /// The resource that is meant where none is named, if the settings declare one.
    #[must_use]
    pub fn default_resource(&self) -> Option<&ResourceUri> {
        self.config.resources.first().map(|resource| &resource.uri)
    }

    /// What clients may ask for, at the authorization endpoint of this issuer.
    #[must_use]
    pub fn offer(&self, issuer: &Issuer) -> Offer {
        Offer {
            scopes: self.config.scopes.clone(),
            hierarchy: self.config.scope_hierarchy.clone(),
            default_resource: self.default_resource().cloned(),
            connecting: self.config.connecting.clone(),
            issuer: issuer.clone(),
        }
    }

    /// A client's document, for somebody at this address. Only a fetch that begins is counted;
    /// whoever waits for one that is under way costs nothing.
    ///
    /// # Errors
    /// When it cannot be had, or too many have been asked for.
    pub async fn document(
        &self,
        url: &ClientIdUrl,
        address: IpAddr,
    ) -> Result<Published, Unpublished> {
        let (limits, network) = (&self.limits, Network::from(address));
        let now = self.clock.ticks();
        let admit = || {
            limits.document_fetches.take(&network, now)?;
            let all = limits.all_document_fetches.take(&(), now);
            all.inspect_err(|_| limits.document_fetches.give_back(&network))
        };
        let answer = self.fetcher.document(url, admit).await;
        let outcome = match answer {
            Ok(_) => "published",
            Err(Unpublished::Refused) => "refused",
            Err(Unpublished::Busy(_)) => "busy",
        };
        self.metrics.document_requests.get_or_create(&DocumentRequest { outcome }).inc();
        answer
    }

    /// For a sign-in that goes on now.
    #[must_use]
    pub fn sign_in_terms(&self) -> sign_in::Terms {
        sign_in::Terms {
            now: self.clock.now(),
            lifetimes: self.session_lifetimes(),
            second_factor_required: self.config.sign_in.second_factor_required,
        }
    }

    /// How long browsers stay signed in.
    #[must_use]
    pub fn session_lifetimes(&self) -> SessionLifetimes {
        let lifetimes = &self.config.lifetimes;
        SessionLifetimes { absolute: lifetimes.session, idle: lifetimes.session_idle }
    }
}

/// How much a registering client may make us keep.
#[must_use]
pub fn bounds(config: &Config) -> Bounds {
    let limits = &config.limits;
    Bounds {
        redirect_uris: limits.redirect_uris,
        string: limits.metadata_string,
        unused_clients: limits.unused_clients,
    }
}

/// Who has done too much. What succeeds is not limited when `limits` are off; wrong passwords and
/// codes always are.
pub struct RateLimits {
    /// Registrations from one network.
    pub registrations: Limiter<Network>,
    /// Registrations from one site of many networks.
    pub registrations_of_sites: Limiter<Network>,
    /// Registrations of everybody.
    pub all_registrations: Limiter<()>,
    /// Fetches of clients' documents for one network.
    pub document_fetches: Limiter<Network>,
    /// Fetches of clients' documents for everybody.
    pub all_document_fetches: Limiter<()>,
    /// What clients do with their registrations, from one network.
    pub registration_changes: Limiter<Network>,
    /// Authorization requests from one network.
    pub authorizations: Limiter<Network>,
    /// Refused token requests from one network.
    pub token_failures: Limiter<Network>,
    /// Wrong introspection credentials from one network.
    pub introspection_failures: Limiter<Network>,
    /// Lines in the log about wrong introspection credentials, for one resource or for none.
    pub introspection_warnings: Limiter<Option<IntrospectionId>>,
    /// Lines of the log about wrong addresses of the gate.
    pub gate_warnings: Limiter<()>,
    /// Wrong passwords.
    pub sign_ins: SignIns,
    /// Ceremonies of passkeys that were begun, from one network.
    pub passkeys: Limiter<Network>,
    /// Sign-ins at providers that are begun from one network: each asks something of others.
    pub provider_begins: Limiter<Network>,
    /// Sign-ins at providers and by a proxy's header that are refused, from one network.
    pub provider_failures: Limiter<Network>,
    /// Lines in the log about one provider.
    pub provider_warnings: Limiter<String>,
    /// Lines in the log about the proxy's header.
    pub proxy_warnings: Limiter<()>,
}

impl RateLimits {
    fn new(config: &Config) -> Self {
        const MINUTE: Seconds = Seconds(60);
        const HOUR: Seconds = Seconds(60 * 60);
        const WARNINGS: u32 = 6;
        let limits = &config.limits;
        let on = limits.on;
        let each = limits.registrations_per_address;
        // Whatever the limits are, nobody uses up what is for everybody.
        let share = limits.registrations.div_ceil(2);
        Self {
            registrations: successes(on, each.min(share), HOUR),
            registrations_of_sites: successes(on, each.saturating_mul(4).min(share), HOUR),
            all_registrations: successes(on, limits.registrations, HOUR),
            document_fetches: successes(on, limits.document_fetches_per_address, HOUR),
            all_document_fetches: successes(on, limits.document_fetches, HOUR),
            registration_changes: successes(on, each.saturating_mul(4), HOUR),
            authorizations: successes(on, limits.authorize_per_address, MINUTE),
            token_failures: Limiter::new(limits.token_failures_per_address, MINUTE),
            introspection_failures: Limiter::new(limits.introspection_failures_per_address, MINUTE),
            introspection_warnings: Limiter::new(WARNINGS, MINUTE),
            gate_warnings: Limiter::new(WARNINGS, MINUTE),
            sign_ins: SignIns::new(limits),
            passkeys: successes(on, limits.authorize_per_address, MINUTE),
            provider_begins: successes(on, limits.authorize_per_address, MINUTE),
            provider_failures: Limiter::new(limits.sign_in_per_address, sign_ins::QUARTER),
            provider_warnings: Limiter::new(WARNINGS, MINUTE),
            proxy_warnings: Limiter::new(WARNINGS, MINUTE),
        }
    }
}

fn successes<K: Eq + std::hash::Hash + Clone>(on: bool, burst: u32, per: Seconds) -> Limiter<K> {
    if on { Limiter::new(burst, per) } else { Limiter::off() }
}

/// Whether traffic may come, for `/readyz`.
#[derive(Debug, Default)]
pub struct Readiness {
    checking: AtomicBool,
    draining: AtomicBool,
}

impl Readiness {
    /// The file is being looked at after an unclean stop.
    pub fn set_checking(&self, checking: bool) {
        self.checking.store(checking, Ordering::Relaxed);
    }

    /// The service is stopping.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why traffic should not come, apart from the database's condition.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("the service is stopping");
        }
        self.checking.load(Ordering::Relaxed).then_some("the database is being checked")
    }
}
