//! What is sent, and how a test spoils it.

use mcp_oauthd::oauth::{OAuthError, Parameters};

/// The parameters of a request, before they are encoded.
#[derive(Debug, Clone)]
pub(crate) struct Form(Vec<(&'static str, String)>);

impl Form {
    pub(crate) fn new() -> Self {
        Self(vec![])
    }

    /// In place of what stood there.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(known, _)| *known != name).cloned().collect())
    }

    pub(crate) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    /// As the server reads them.
    pub(crate) fn parameters(&self) -> Result<Parameters, OAuthError> {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        Parameters::parse(&encoded.extend_pairs(&self.0).finish())
    }
}
