//! Whether a row of elsewhere has a place here.

use std::str::FromStr as _;

use diesel::prelude::*;

use super::Row;
use super::tables::TABLES;
use crate::oauth::ResourceUri;
use crate::storage::events::Removed;
use crate::storage::schema::{
    oauth_clients, registration_tokens, resource_rules, resources, users,
};
use crate::storage::{DbConnection, StorageError};

/// What a row finds where it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is here, perhaps changed since.
    Here,
    /// Whom or what it is about was removed here.
    Removed,
    /// Whom or what it belongs to was here before it, without it.
    OwnerHere,
    /// Another one has what there may be only one of.
    Displaced,
    /// None of these.
    Wanted,
}

impl Row {
    /// Which of them.
    ///
    /// # Errors
    /// The database's.
    pub fn standing(
        &self,
        conn: &mut DbConnection,
        removed: &Removed,
    ) -> Result<Standing, StorageError> {
        if self.is_here(conn)? {
            return Ok(Standing::Here);
        }
        if self.was_removed(removed) {
            return Ok(Standing::Removed);
        }
        if self.owner_is_here(conn)? {
            return Ok(Standing::OwnerHere);
        }
        if self.is_displaced(conn)? {
            return Ok(Standing::Displaced);
        }
        Ok(Standing::Wanted)
    }

    /// The how-manieth table it is of, in the order in which they are written.
    #[must_use]
    pub fn place(&self) -> usize {
        TABLES.iter().take_while(|(name, _)| *name != self.table()).count()
    }

    /// Its key, if it is a grant.
    #[must_use]
    pub fn grant(&self) -> Option<i64> {
        match self {
            Self::OauthGrants(row) => Some(row.id),
            _ => None,
        }
    }

    /// The key of its grant, if it is a token.
    #[must_use]
    pub fn grant_of_token(&self) -> Option<i64> {
        match self {
            Self::OauthRefreshTokens(row) => Some(row.grant_id),
            Self::OauthTokens(row) => Some(row.grant_id),
            _ => None,
        }
    }

    /// Whether it is here, by what is the same in each database.
    fn is_here(&self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let same: i64 = match self {
            Self::Resources(row) => {
                let same = resources::table.filter(resources::canonical.eq(&row.canonical));
                same.count().get_result(conn)?
            }
            Self::ResourceRules(row) => resource_rules::table
                .filter(resource_rules::resource.eq(&row.resource))
                .filter(resource_rules::kind.eq(&row.kind))
                .filter(resource_rules::scope.eq(&row.scope))
                .filter(resource_rules::method.eq(&row.method))
                .filter(resource_rules::name.eq(&row.name))
                .count()
                .get_result(conn)?,
            // The operator removes one by its name, so that no two have the same.
            Self::RegistrationTokens(row) => {
                let named = registration_tokens::name.eq(&row.name);
                let same = registration_tokens::id.eq(row.id).or(named);
                registration_tokens::table.filter(same).count().get_result(conn)?
            }
            _ => return self.has_its_key(conn),
        };
        Ok(same > 0)
    }

    fn was_removed(&self, removed: &Removed) -> bool {
        let canonical = |uri: &str| {
            let uri = ResourceUri::from_str(uri);
            uri.is_ok_and(|uri| removed.resources.contains(uri.canonical()))
        };
        let user = |id: &String| removed.users.contains(id);
        let client = |id: &String| removed.clients.contains(id);
        match self {
            Self::Users(row) => user(&row.id),
            Self::Passkeys(row) => user(&row.user_id),
            Self::TotpSecrets(row) => user(&row.user_id),
            Self::RecoveryCodes(row) => user(&row.user_id),
            Self::Identities(row) => user(&row.user_id),
            Self::SignInPlaces(row) => user(&row.user_id),
            Self::SeenDocuments(row) => user(&row.user_id) || client(&row.client_id),
            Self::Resources(row) => canonical(&row.uri),
            Self::ResourcePeople(row) => canonical(&row.resource) || user(&row.user_id),
            Self::ResourceRules(row) => canonical(&row.resource),
            Self::OauthClients(row) => client(&row.client_id),
            Self::ClientDocuments(row) => {
                client(&row.client_id) || removed.documents.contains(&row.client_id)
            }
            Self::RegistrationTokens(row) => removed.registration_tokens.contains(&row.name),
            Self::OauthGrants(row) => {
                user(&row.user_id) || client(&row.client_id) || canonical(&row.resource)
            }
            Self::OauthCodes(row) => {
                user(&row.user_id) || client(&row.client_id) || canonical(&row.resource)
            }
            // By their grants.
            Self::OauthRefreshTokens(_) | Self::OauthTokens(_) => false,
        }
    }

    /// What belongs to somebody or something comes first, so whoever is here has brought along what
    /// there was; of that, what is missing was ended here.
    fn owner_is_here(&self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let user_id = match self {
            Self::Passkeys(row) => &row.user_id,
            Self::TotpSecrets(row) => &row.user_id,
            Self::RecoveryCodes(row) => &row.user_id,
            Self::Identities(row) => &row.user_id,
            Self::SignInPlaces(row) => &row.user_id,
            Self::SeenDocuments(row) => &row.user_id,
            Self::ResourcePeople(row) => return has_resource(conn, &row.resource),
            Self::ResourceRules(row) => return has_resource(conn, &row.resource),
            Self::ClientDocuments(row) => {
                let owner = oauth_clients::table.find(&row.client_id).count();
                return Ok(owner.get_result::<i64>(conn)? > 0);
            }
            _ => return Ok(false),
        };
        Ok(users::table.find(user_id).count().get_result::<i64>(conn)? > 0)
    }

    fn is_displaced(&self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let others: i64 = match self {
            Self::Users(row) => {
                let others = users::table.filter(users::username.eq(&row.username));
                others.count().get_result(conn)?
            }
            Self::Resources(row) => resources::table.find(&row.id).count().get_result(conn)?,
            _ => return Ok(false),
        };
        Ok(others > 0)
    }
}

/// Whether there is a resource with this canonical spelling.
fn has_resource(conn: &mut DbConnection, canonical: &str) -> Result<bool, StorageError> {
    let named = resources::table.filter(resources::canonical.eq(canonical));
    Ok(named.count().get_result::<i64>(conn)? > 0)
}
