//! The gate: whether a reverse proxy may let a request through to an MCP server that knows nothing
//! of tokens. It decides by the token, by what the operator demands of the route, and, for a
//! resource with rules, by what the request says it calls; by nothing else.

use super::{examine, rules};
use crate::clock::UnixTime;
use crate::mcp::{Call, Rule};
use crate::oauth::{IntrospectionId, ResourceUri, Scope};
use crate::storage::access_tokens::Described;
use crate::storage::{DbConnection, StorageError, clients, resource_rules};

/// What the operator demands of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Of the MCP server behind it.
    pub introspection_id: IntrospectionId,
    /// Every scope that a request needs.
    pub scope: Scope,
}

/// What the request brings: RFC 6750 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// No bearer token.
    Absent,
    /// Something that cannot be one.
    Malformed,
    /// A text that may be one.
    Token(&'a str),
}

/// All that a decision is made from.
#[derive(Debug)]
pub struct Request<'a> {
    /// By the operator.
    pub demand: &'a Demand,
    /// By the client.
    pub bearer: Bearer<'a>,
    /// What is called; or why that cannot be said, which matters only where there are rules.
    pub call: Result<Call, &'static str>,
}

/// What becomes of the request.
#[derive(Debug)]
pub enum Decision {
    /// It may pass.
    Allow(Box<Identity>),
    /// It may not.
    Deny(Denial),
}

/// Who is calling.
#[derive(Debug)]
pub struct Identity {
    /// The token and its grant.
    pub described: Described,
    /// What the client calls itself, if anything.
    pub client_name: Option<String>,
}

/// A refusal, and what would help: RFC 6750 section 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub because: Because,
    /// Where its metadata says who issues tokens: RFC 9728 section 5.1.
    pub resource: ResourceUri,
    /// Every scope that the request needs.
    pub scope: Scope,
}

/// Why a request may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Nobody has been asked yet.
    NoToken,
    /// The token is none of ours, or another resource's, or dead.
    InvalidToken,
    /// The person may be asked for more: RFC 6750 section 3.1.
    InsufficientScope,
    /// The resource has rules, and the request does not say what they ask about.
    Undecidable(&'static str),
    /// The rules leave no scope that this call could have.
    NoScope,
}

/// Decides. None: there is no such resource.
///
/// # Errors
/// The database's.
pub fn decide(
    conn: &mut DbConnection,
    request: &Request<'_>,
    offered: &Scope,
    now: UnixTime,
) -> Result<Option<Decision>, StorageError> {
    let id = &request.demand.introspection_id;
    let Some((resource, rules)) = resource_rules::find_with_resource(conn, id)? else {
        return Ok(None);
    };
    let described = match request.bearer {
        Bearer::Token(token) => examine(conn, token, &resource, now)?,
        Bearer::Absent | Bearer::Malformed => None,
    };
    let held = described.as_ref().map(|described| &described.token.scope);
    let denied = judge(request, &rules, held, offered).err();
    let (None, Some(described)) = (&denied, described) else {
        let (because, scope) = denied.unwrap_or((Because::InvalidToken, Scope::default()));
        let denial = Denial { because, resource: resource.uri, scope };
        return Ok(Some(Decision::Deny(denial)));
    };
    let client_name = clients::name(conn, &described.grant.client_id)?;
    Ok(Some(Decision::Allow(Box::new(Identity { described, client_name }))))
}

/// Why not, and every scope that it takes. `held`: by a good token, if there is one.
fn judge(
    request: &Request<'_>,
    rules: &[Rule],
    held: Option<&Scope>,
    offered: &Scope,
) -> Result<(), (Because, Scope)> {
    // Without rules nobody looks at what is called.
    let call = (!rules.is_empty()).then_some(request.call.as_ref());
    let mut needed = request.demand.scope.clone();
    if let Some(Ok(call)) = call {
        needed = needed.union(&rules::needed(rules, call));
    }
    let Some(held) = held else {
        let absent = request.bearer == Bearer::Absent;
        return Err((if absent { Because::NoToken } else { Because::InvalidToken }, needed));
    };
    match call {
        None => {}
        Some(Err(why)) => return Err((Because::Undecidable(why), Scope::default())),
        Some(Ok(call)) => {
            let good = rules::good_for(rules, call, held, offered);
            needed = needed.union(&good.ok_or((Because::NoScope, Scope::default()))?);
        }
    }
    if held.covers(&needed) { Ok(()) } else { Err((Because::InsufficientScope, needed)) }
}
