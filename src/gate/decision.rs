//! The gate: whether a reverse proxy may let a request through to an MCP server that knows nothing
//! of tokens. It decides by the token, by what the operator demands of the route, and, for a
//! resource with rules, by what the request says it calls; by nothing else.

use std::sync::Arc;

use super::{examine, rules};
use crate::authorization::admission;
use crate::clients::ceiling;
use crate::clock::UnixTime;
use crate::mcp::{Call, Rule};
use crate::oauth::{IntrospectionId, ResourceUri, Scope, ScopeHierarchy};
use crate::storage::access_tokens::Described;
use crate::storage::clients::{self, Client};
use crate::storage::grants::Grant;
use crate::storage::resource_rules::RuledResource;
use crate::storage::resources::Resource;
use crate::storage::{DbConnection, Known, StorageError};

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

/// What a decision is made from; and, where there are rules, the call.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// By the operator.
    pub demand: &'a Demand,
    /// By the client.
    pub bearer: Bearer<'a>,
}

/// What becomes of the request.
#[derive(Debug)]
pub enum Decision {
    /// It may pass.
    Allow(Identity),
    /// It may not.
    Deny(Denial),
}

/// Who is calling.
#[derive(Debug)]
pub struct Identity {
    /// The token and its grant.
    pub described: Arc<Described>,
    /// The client; none when it is gone.
    pub client: Option<Arc<Client>>,
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
    /// There is no scope that the person could be asked for.
    NoScope,
    /// The owner has closed the resource for a while, to everybody.
    Paused,
}

/// Decides. None: there is no such resource, or it has no such scope. `call` says what is called, or
/// why that cannot be said; it is asked only where there are rules.
///
/// # Errors
/// The database's.
pub fn decide(
    known: &mut Known<'_>,
    request: Request<'_>,
    call: impl FnOnce() -> Result<Call, &'static str>,
    (scopes, hierarchy): (&Scope, &ScopeHierarchy),
    now: UnixTime,
) -> Result<Option<Decision>, StorageError> {
    let id = &request.demand.introspection_id;
    let Some(found) = known.resource(id)? else { return Ok(None) };
    let RuledResource { resource, rules } = &*found;
    let offered = &resource.offered(scopes);
    // Nobody can be granted it: a slip of the pen, and no reason to ask a person.
    if !offered.covers(&request.demand.scope) {
        return Ok(None);
    }
    if resource.paused_at.is_some() {
        let (because, scope) = (Because::Paused, Scope::default());
        return Ok(Some(Decision::Deny(Denial { because, resource: resource.uri.clone(), scope })));
    }
    let described = match request.bearer {
        Bearer::Token(token) => examine(known, token, resource, now)?,
        Bearer::Absent | Bearer::Malformed => None,
    };
    let book = Ruled { call: (!rules.is_empty()).then(call), rules, offered, hierarchy };
    let deny = |because, scope| {
        let denial = Denial { because, resource: resource.uri.clone(), scope };
        Ok(Some(Decision::Deny(denial)))
    };
    let Some(described) = described else {
        let absent = request.bearer == Bearer::Absent;
        let because = if absent { Because::NoToken } else { Because::InvalidToken };
        return deny(because, book.asked_for_at_first(&request.demand.scope));
    };
    // What is no longer offered is good for nothing.
    let held = described.token.scope.common(offered);
    let needed = match book.needed(&request.demand.scope, &held) {
        Ok(needed) => needed,
        Err(because) => return deny(because, Scope::default()),
    };
    if held.covers(&needed) {
        let client = known.client(&described.grant.client_id)?;
        return Ok(Some(Decision::Allow(Identity { described, client })));
    }
    if may_be_granted(known.conn, (resource, &described.grant), &needed, offered)? {
        deny(Because::InsufficientScope, needed)
    } else {
        deny(Because::NoScope, Scope::default())
    }
}

/// Whether asking the person helps: the operator may have set the client or the person a limit.
fn may_be_granted(
    conn: &mut DbConnection,
    (resource, grant): (&Resource, &Grant),
    needed: &Scope,
    offered: &Scope,
) -> Result<bool, StorageError> {
    let client = clients::find(conn, &grant.client_id)?;
    let allowed = admission::admitted(conn, resource, &grant.user_id)?;
    Ok(client.is_some_and(|client| ceiling(&client, offered).covers(needed))
        && allowed.is_some_and(|allowed| allowed.covers(needed)))
}

/// What the rules of a resource have to say about one request.
struct Ruled<'a> {
    /// None without rules: then nobody looks at what is called.
    call: Option<Result<Call, &'static str>>,
    rules: &'a [Rule],
    offered: &'a Scope,
    hierarchy: &'a ScopeHierarchy,
}

impl Ruled<'_> {
    /// Every scope that the request takes, for a token that has these.
    fn needed(&self, demanded: &Scope, held: &Scope) -> Result<Scope, Because> {
        let Some(call) = &self.call else { return Ok(demanded.clone()) };
        let call = call.as_ref().map_err(|why| Because::Undecidable(why))?;
        let needed = demanded.union(&rules::needed(self.rules, call));
        let held = held.union(&needed);
        let offer = (self.offered, self.hierarchy);
        let missing = rules::missing(self.rules, call, &held, offer);
        let needed = needed.union(&missing.ok_or(Because::NoScope)?);
        // A rule may have outlived its scope.
        if self.offered.covers(&needed) { Ok(needed) } else { Err(Because::NoScope) }
    }

    /// What a client without a token had better ask for; nothing, if that is for it to choose.
    fn asked_for_at_first(&self, demanded: &Scope) -> Scope {
        let Some(Ok(call)) = &self.call else { return demanded.clone() };
        let needs = demanded.union(&rules::needed(self.rules, call));
        if needs.is_empty() {
            return needs;
        }
        self.needed(demanded, &Scope::default()).unwrap_or_else(|_| demanded.clone())
    }
}
