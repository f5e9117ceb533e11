//! Counters for Prometheus, in the `OpenMetrics` text format.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of [`Metrics::refused`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    /// The path of the endpoint.
    pub endpoint: String,
    /// The OAuth error code.
    pub error: &'static str,
}

/// Labels of [`Metrics::issued`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Issued {
    /// `authorization_code` or `refresh_token`.
    pub grant_type: &'static str,
}

/// Labels of [`Metrics::sign_ins`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SignIn {
    /// `accepted`, `refused` or `throttled`.
    pub outcome: &'static str,
}

/// Labels of [`Metrics::notifications`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Notification {
    /// `webhook`, `ntfy` or `mail`.
    pub channel: &'static str,
    /// `told`, `failed` (and tried again) or `given_up`.
    pub outcome: &'static str,
}

/// Labels of [`Metrics::document_requests`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DocumentRequest {
    /// `published`, `refused` (nobody outside knows more) or `busy`.
    pub outcome: &'static str,
}

/// What is counted. Every counter is one atomic, or a look-up of one by its labels.
pub struct Metrics {
    registry: Registry,
    /// Introspections of a live token.
    pub introspected_active: Counter,
    /// Introspections of anything else.
    pub introspected_inactive: Counter,
    /// Requests that the gate let pass.
    pub gate_allowed: Counter,
    /// Requests that need a token, or a better one: 401.
    pub gate_challenged: Counter,
    /// Requests of a good token that may not pass: 403.
    pub gate_forbidden: Counter,
    /// Questions at an address that the operator got wrong: 404.
    pub gate_misaddressed: Counter,
    /// Token responses.
    pub issued: Family<Issued, Counter>,
    /// Refresh tokens that two holders used; each has ended a grant.
    pub replayed: Counter,
    /// Refusals in the standard's words.
    pub refused: Family<Refused, Counter>,
    /// Failures of ours: 5xx.
    pub failed: Counter,
    /// Clients that registered themselves.
    pub registered: Counter,
    /// Attempts to sign in.
    pub sign_ins: Family<SignIn, Counter>,
    /// Attempts to tell the operator something.
    pub notifications: Family<Notification, Counter>,
    /// Who needed a client's document that had to be fetched.
    pub document_requests: Family<DocumentRequest, Counter>,
    /// Rows that the sweeper has deleted.
    pub swept: Counter,
    /// Steps of attempts to connect for which there was no room.
    pub sightings_dropped: Counter,
    /// 1 while the database cannot be written.
    pub storage_failing: Gauge,
    /// Bytes of the write-ahead log.
    pub log_size: Gauge,
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("mcp_oauthd"),
            introspected_active: Counter::default(),
            introspected_inactive: Counter::default(),
            gate_allowed: Counter::default(),
            gate_challenged: Counter::default(),
            gate_forbidden: Counter::default(),
            gate_misaddressed: Counter::default(),
            issued: Family::default(),
            replayed: Counter::default(),
            refused: Family::default(),
            failed: Counter::default(),
            registered: Counter::default(),
            sign_ins: Family::default(),
            notifications: Family::default(),
            document_requests: Family::default(),
            swept: Counter::default(),
            sightings_dropped: Counter::default(),
            storage_failing: Gauge::default(),
            log_size: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        let active = metrics.introspected_active.clone();
        registry.register("introspections_active", "Introspections of a live token", active);
        let inactive = metrics.introspected_inactive.clone();
        registry.register("introspections_inactive", "Introspections of anything else", inactive);
        let (allowed, challenged, forbidden) =
            (&metrics.gate_allowed, &metrics.gate_challenged, &metrics.gate_forbidden);
        registry.register("gate_allowed", "Requests that may pass", allowed.clone());
        registry.register("gate_challenged", "Requests without a good token", challenged.clone());
        registry.register("gate_forbidden", "Requests that need more", forbidden.clone());
        let misaddressed = metrics.gate_misaddressed.clone();
        registry.register("gate_misaddressed", "Questions at a wrong address", misaddressed);
        registry.register("token_responses", "Token responses", metrics.issued.clone());
        registry.register("replays", "Grants ended by a replay", metrics.replayed.clone());
        registry.register("refusals", "Refused requests", metrics.refused.clone());
        registry.register("failures", "Requests that failed here", metrics.failed.clone());
        registry.register("registrations", "Registered clients", metrics.registered.clone());
        registry.register("sign_ins", "Attempts to sign in", metrics.sign_ins.clone());
        let notifications = metrics.notifications.clone();
        registry.register("notifications", "Attempts to tell the operator", notifications);
        let documents = metrics.document_requests.clone();
        registry.register("document_requests", "Clients' documents that were needed", documents);
        registry.register("swept_rows", "Rows deleted by the sweeper", metrics.swept.clone());
        let dropped = metrics.sightings_dropped.clone();
        registry.register("sightings_dropped", "Steps of attempts without room", dropped);
        let failing = metrics.storage_failing.clone();
        registry.register("storage_failing", "1 while the database cannot be written", failing);
        let log = metrics.log_size.clone();
        registry.register("storage_log_bytes", "Length of the write-ahead log", log);
        metrics
    }

    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_rendered() {
        let metrics = Metrics::new();
        metrics.issued.get_or_create(&Issued { grant_type: "refresh_token" }).inc();
        let text = metrics.render();
        assert!(text.contains("mcp_oauthd_token_responses_total{grant_type=\"refresh_token\"} 1"));
        assert!(text.ends_with("# EOF\n"));
    }
}
