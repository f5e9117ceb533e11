//! Whether what comes has a place here: an MCP server, a client, a person who may have it.

use std::collections::HashMap;

use super::Terms;
use super::reading::{About, Code};
use super::taking::Usable;
use crate::authorization::admission::{self, Allowed};
use crate::error::Error;
use crate::oauth::{ErrorCode, ResourceUri, Scope};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError, clients, codes, users};

const NOT_OURS: &str = "it is for an MCP server that is not one of ours";

/// Whom and what this database has, and what the person may have of it.
pub(super) struct Welcome<'a> {
    terms: &'a Terms,
    usable: &'a Usable,
    resources: Vec<Resource>,
    /// By the canonical spelling; none: it is not for the person.
    allowed: HashMap<String, Option<Allowed>>,
}

impl<'a> Welcome<'a> {
    pub(super) fn new(
        conn: &mut DbConnection,
        terms: &'a Terms,
        usable: &'a Usable,
    ) -> Result<Self, Error> {
        if users::find(conn, &terms.user_id)?.is_none_or(|user| user.disabled_at.is_some()) {
            return Err(ErrorCode::InvalidRequest.because("the person is disabled or gone").into());
        }
        let resources = resources::list(conn)?;
        Ok(Self { terms, usable, resources, allowed: HashMap::new() })
    }

    /// For which MCP server it is, and with which scopes; or why it is left.
    pub(super) fn admit(
        &mut self,
        conn: &mut DbConnection,
        about: &About,
    ) -> Result<Result<(ResourceUri, Scope), &'static str>, StorageError> {
        let held = self.terms.dry || clients::hold_enabled(conn, &about.client_id)?;
        if !self.usable.contains(&about.client_id) || !held {
            return Ok(Err("its client is not here, or disabled"));
        }
        let Some(resource) = self.resource_of(about).cloned() else {
            return Ok(Err(NOT_OURS));
        };
        let Some(allowed) = self.allowed(conn, &resource)? else {
            return Ok(Err("the MCP server is not for this person"));
        };
        let scope = allowed.of(&about.scope);
        if scope.is_empty() && !about.scope.is_empty() {
            return Ok(Err("this person may have none of its scopes"));
        }
        Ok(Ok((resource.uri, scope)))
    }

    pub(super) fn code(
        &mut self,
        conn: &mut DbConnection,
        code: &Code,
    ) -> Result<Result<codes::Code, &'static str>, StorageError> {
        let (resource, scope) = match self.admit(conn, &code.about)? {
            Ok(admitted) => admitted,
            Err(why) => return Ok(Err(why)),
        };
        let Ok(redirect_uri) = code.redirect_uri.parse() else {
            return Ok(Err("its redirect URI would be refused today"));
        };
        let Ok(code_challenge) = code.challenge.parse() else {
            return Ok(Err("its PKCE challenge is none"));
        };
        Ok(Ok(codes::Code {
            id: code.id,
            hash: code.hash.clone(),
            client_id: code.about.client_id.clone(),
            user_id: self.terms.user_id.clone(),
            redirect_uri,
            code_challenge,
            scope,
            resource,
            expires_at: code.expires_at.min(self.terms.now + self.terms.lifetimes.code),
            redeemed_at: None,
            grant_id: None,
        }))
    }

    /// As token requests name it (RFC 8707): the resource, or its origin in its place.
    fn resource_of(&self, about: &About) -> Option<&Resource> {
        let named: ResourceUri = match &about.resource {
            Some(text) => text.parse().ok()?,
            None => self.terms.resource.clone()?,
        };
        let same = |one: &&Resource| one.canonical == named.canonical();
        let mut there = self.resources.iter().filter(|one| one.uri.origin() == named.canonical());
        let exact = self.resources.iter().find(same);
        exact.or_else(|| there.next().filter(|_| there.next().is_none()))
    }

    fn allowed(
        &mut self,
        conn: &mut DbConnection,
        resource: &Resource,
    ) -> Result<Option<Allowed>, StorageError> {
        if let Some(known) = self.allowed.get(&resource.canonical) {
            return Ok(known.clone());
        }
        // Held: whoever takes something away from the person waits, and then finds the grants.
        let now = if self.terms.dry {
            Some(resource.clone())
        } else {
            resources::hold(conn, &resource.uri)?
        };
        let allowed = match now {
            Some(resource) => admission::admitted(conn, &resource, &self.terms.user_id)?,
            None => None,
        };
        self.allowed.insert(resource.canonical.clone(), allowed.clone());
        Ok(allowed)
    }
}

impl About {
    /// What explains best why it is left.
    pub(super) fn example(&self, why: &'static str) -> &str {
        match &self.resource {
            Some(resource) if why == NOT_OURS => resource,
            _ => self.client_id.as_str(),
        }
    }
}
