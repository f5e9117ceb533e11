//! What a server can tell one client from another by: where it looks, what it sends, what it takes.

mod sign_in;

pub use sign_in::{
    Authorization, Iss, Offline, OtherBuild, Refresh, RefreshScope, Resource, ScopeFrom, State,
    TokenHabits,
};

/// A client of MCP servers, as a server sees it.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// What `--as` takes.
    pub name: &'static str,
    /// What people call it.
    pub product: &'static str,
    /// Where this is known from.
    pub source: &'static str,
    /// What sets it apart from others, in one line.
    pub habits: &'static str,
    /// `User-Agent` of its own requests.
    pub user_agent: &'static str,
    /// The page from which it asks, if it runs in a browser: what is not allowed across origins
    /// does not reach it.
    pub page: Option<&'static str>,
    /// What it takes for an answer.
    pub reading: Reading,
    /// How it finds the authorization server.
    pub discovery: Discovery,
    /// How it becomes a client.
    pub registration: Registration,
    /// How it asks a person.
    pub authorization: Authorization,
    /// What it does with tokens.
    pub tokens: TokenHabits,
}

/// Whose rules an answer in JSON is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// JavaScript that takes what it finds.
    Loose,
    /// zod: what is optional may be left out, but not be null.
    Zod,
    /// pydantic: null is left out, numbers may be text.
    Pydantic,
    /// serde: null is left out, a number is a number.
    Serde,
}

/// RFC 9728 section 5, RFC 8414 section 3.
#[derive(Debug, Clone, Copy)]
pub struct Discovery {
    /// The request that it expects to be refused.
    pub probe: Probe,
    /// Whether it connects without `resource_metadata` in the challenge.
    pub challenge: Challenge,
    /// `MCP-Protocol-Version` of the requests for metadata.
    pub version: Option<&'static str>,
    /// Which `resource` it believes.
    pub resource: ResourceRule,
    /// What a 5xx at one of the places does.
    pub outage: Outage,
    /// Whether it also looks at the root of an issuer that has a path.
    pub root_too: bool,
    /// Which `issuer` it believes.
    pub issuer: IssuerRule,
    /// What `code_challenge_methods_supported` has to say.
    pub pkce: Pkce,
}

/// How the MCP server is asked before there is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// `initialize`, as if no token were needed.
    Post,
    /// The URL alone.
    Get,
    /// Its headers alone.
    Head,
}

/// What a 401 without `resource_metadata` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// The well-known places are tried.
    Helps,
    /// The person is told to configure OAuth.
    Needed,
}

/// RFC 9728 section 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRule {
    /// The URL as it was typed, byte for byte.
    AsTyped,
    /// The URL as a parser writes it, without its query, byte for byte.
    AsParsed,
    /// The same URL, once both are parsed.
    SameUrl,
    /// The same origin, and a path above.
    Above,
}

/// What a 5xx at a well-known place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Ends the connection.
    Ends,
    /// Is one place less to look at.
    Passes,
}

/// RFC 8414 section 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerRule {
    /// Byte for byte that of the protected resource metadata.
    Exact,
    /// The slash at the end of a root does not count.
    RootSlashIgnored,
    /// Not compared.
    Unread,
}

/// MCP 2025-11-25: clients refuse a server that does not list `S256`; not all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkce {
    /// `S256` has to be listed.
    Listed,
    /// If there is a list, `S256` has to be in it.
    NotDenied,
    /// Not looked at.
    Unread,
}

/// How it gets its `client_id`.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    /// Client ID Metadata Documents, tried in this order; each on its own condition.
    pub documents: &'static [Document],
    /// RFC 7591.
    pub dynamic: Option<Dynamic>,
}

/// A metadata document that its vendor has published.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// The URL that is the `client_id`. `{id}` stands for the connection's own part.
    pub id: &'static str,
    /// What the server's metadata must say, beside `client_id_metadata_document_supported`.
    pub on: Condition,
    /// Whether it has keys, which it would use where `none` is not listed.
    pub keys: bool,
    /// Where the browser comes back to.
    pub redirect_uri: &'static str,
}

/// When a metadata document is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Wherever documents are taken.
    Always,
    /// `none` is among `token_endpoint_auth_methods_supported`.
    PublicClients,
    /// `authorization_response_iss_parameter_supported`: RFC 9207.
    IssuerInResponse,
}

/// What is sent to the registration endpoint. `{port}` in a redirect URI stands for one that the
/// system has given, `{id}` for the connection's own part.
#[derive(Debug, Clone, Copy)]
pub struct Dynamic {
    /// `client_name`.
    pub client_name: &'static str,
    /// `redirect_uris`; the browser comes back to the last one.
    pub redirect_uris: &'static [&'static str],
    /// `grant_types`.
    pub grant_types: &'static [&'static str],
    /// `token_endpoint_auth_method`.
    pub method: Option<&'static str>,
    /// `application_type`.
    pub application_type: Option<&'static str>,
    /// `scope`.
    pub scope: RegisteredScope,
    /// Other members.
    pub others: &'static [(&'static str, &'static str)],
    /// Which `token_endpoint_auth_method` it takes in the answer.
    pub echo: Echo,
}

/// `scope` of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisteredScope {
    /// What will be asked for.
    Asked,
    /// `""`.
    Empty,
    /// None.
    Absent,
}

/// What may come back as `token_endpoint_auth_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Only what was asked for.
    AsAsked,
    /// Anything; but a method with a secret needs one.
    WithItsSecret,
    /// Anything.
    Any,
}
