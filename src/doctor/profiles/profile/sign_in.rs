//! What a client sends from the authorization request on, and what it does with tokens.

/// RFC 6749 section 4.1.1.
#[derive(Debug, Clone, Copy)]
pub struct Authorization {
    /// The first of these that names scopes is asked for.
    pub scope: &'static [ScopeFrom],
    /// When `offline_access` is added.
    pub offline: Offline,
    /// `resource`: RFC 8707.
    pub resource: Resource,
    /// Whether `resource` is sent twice.
    pub twice: bool,
    /// What `state` looks like.
    pub state: State,
    /// Whether the URL is fetched before the browser sees it.
    pub preflight: bool,
    /// `iss` of the response: RFC 9207.
    pub iss: Iss,
    /// Whether `code` is taken from the query as it stands there.
    pub raw_code: bool,
    /// What other builds of it send.
    pub other_builds: &'static [OtherBuild],
}

/// Where scopes are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeFrom {
    /// `scope` of the challenge.
    Challenge,
    /// `scopes_supported` of the protected resource.
    Resource,
    /// `scopes_supported` of the authorization server: all of them.
    Server,
    /// These words.
    Fixed(&'static str),
}

/// When `offline_access` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offline {
    /// Never.
    Never,
    /// When the authorization server lists it.
    Listed,
    /// Always.
    Always,
}

/// Which spelling of the MCP server's URL is sent as `resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// That of the protected resource metadata.
    AsPublished,
    /// The same after a URL parser: a root has a slash.
    Parsed,
    /// The MCP server's URL without its query.
    ServerUrl,
    /// Scheme and host alone, with a slash.
    Origin,
}

/// What `state` looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Letters and digits.
    Plain,
    /// base64, so that `+`, `/` and `=` are in it.
    Base64,
}

/// Which authorization response it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iss {
    /// Only with the right `iss`.
    Needed,
    /// With the right one, or without one where the metadata promises none.
    AsPromised,
    /// Any.
    Unread,
}

/// Something that another build of the same client sends, which has to work too.
#[derive(Debug, Clone, Copy)]
pub struct OtherBuild {
    /// Which build.
    pub which: &'static str,
    /// Its redirect URI, if it is another one.
    pub redirect_uri: Option<&'static str>,
    /// Whether only the document has that, and no registration of this build.
    pub in_document: bool,
    /// Its `resource`, if it is another one.
    pub resource: Option<Resource>,
}

/// RFC 6749 sections 4.1.3 and 6.
#[derive(Debug, Clone, Copy)]
pub struct TokenHabits {
    /// Whether a secret is sent by Basic, where both ways are open.
    pub basic: bool,
    /// Whether `resource` is sent when refreshing.
    pub refresh_resource: bool,
    /// `scope` when refreshing.
    pub refresh_scope: RefreshScope,
    /// When and how often it refreshes.
    pub refresh: Refresh,
    /// How long before its end a token is thought to have ended, in seconds.
    pub margin: i64,
}

/// `scope` of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshScope {
    /// None.
    Absent,
    /// What the authorization request asked for.
    Asked,
    /// What was granted, and `offline_access` where it is listed: possibly more than the grant.
    GrantedAndOffline,
}

/// When and how often a client refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// When the access token ends.
    Once,
    /// Twice at the same time, from two connections, with the same token.
    Together,
    /// At each start, however long the access token still lives.
    AtStart,
}
