//! Every limit on how often somebody may do something.

use super::Network;
use super::limiter::Limiter;
use super::sign_ins::{self, SignIns};
use crate::clock::Seconds;
use crate::config::Config;
use crate::oauth::IntrospectionId;

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
    pub(super) fn new(config: &Config) -> Self {
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
