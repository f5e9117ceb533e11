//! `events`: what was decided about access, kept for the operator. Never a secret.

mod forgetting;
mod kind;
mod pages;
mod removed;
mod request;
mod sign_ins;

use diesel::prelude::*;

use super::codec::text_enum;
use super::connection::directly;
use super::grants::Grant;
use super::schema::events;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, ResourceUri, UserId};

pub use forgetting::delete_old;
pub(super) use forgetting::delete_registrations;
pub use kind::Kind;
pub use pages::{Narrowing, page};
pub use removed::Removed;
pub(super) use request::are_of;
pub use sign_ins::sign_ins;

text_enum!(
    /// What was decided.
    Event {
        /// A client registered itself.
        ClientRegistered = "client.registered",
        /// A client is known by its document.
        ClientDescribed = "client.described",
        /// A document that is in use says something else.
        DocumentChanged = "client.document_changed",
        /// The operator laid down a document.
        DocumentAdded = "client.document_added",
        /// The operator had the copy of a document forgotten.
        DocumentRemoved = "client.document_removed",
        /// The operator added a client.
        ClientAdded = "client.added",
        /// The operator disabled a client.
        ClientDisabled = "client.disabled",
        /// The operator removed a client.
        ClientRemoved = "client.removed",
        /// An account was made.
        UserAdded = "user.added",
        /// An account was disabled.
        UserDisabled = "user.disabled",
        /// An account works again.
        UserEnabled = "user.enabled",
        /// An account was removed.
        UserRemoved = "user.removed",
        /// A password was changed.
        PasswordChanged = "user.password_changed",
        /// A person has one passkey more.
        PasskeyAdded = "passkey.added",
        /// A passkey is called something else.
        PasskeyRenamed = "passkey.renamed",
        /// A person has one passkey less.
        PasskeyRemoved = "passkey.removed",
        /// A passkey is asked for after every other sign-in.
        PasskeyRequired = "passkey.required",
        /// It is not any more.
        PasskeyNotRequired = "passkey.not_required",
        /// A resource was added.
        ResourceAdded = "resource.added",
        /// A resource has another name.
        ResourceRenamed = "resource.renamed",
        /// A resource has a new secret.
        SecretRotated = "resource.secret_rotated",
        /// A resource was removed.
        ResourceRemoved = "resource.removed",
        /// A resource has one rule more.
        RuleAdded = "resource.rule_added",
        /// A resource has one rule less.
        RuleRemoved = "resource.rule_removed",
        /// Somebody signed in.
        SignedIn = "session.signed_in",
        /// Somebody signed out.
        SignedOut = "session.signed_out",
        /// An account elsewhere signs somebody in here.
        IdentityLinked = "identity.linked",
        /// An account elsewhere signs nobody in any more.
        IdentityUnlinked = "identity.unlinked",
        /// A person said yes.
        ConsentApproved = "consent.approved",
        /// A person said no.
        ConsentDenied = "consent.denied",
        /// A code became a grant.
        GrantCreated = "grant.created",
        /// A grant was taken over from the replaced provider: nobody was asked here.
        GrantImported = "grant.imported",
        /// A client was taken over from the replaced provider.
        ClientImported = "client.imported",
        /// Rows of another database were taken over; the word more says how many.
        RowsImported = "rows.imported",
        /// A grant was ended.
        GrantRevoked = "grant.revoked",
        /// Every grant was ended: of the client, person or resource that is named.
        GrantsEnded = "grant.all_ended",
        /// The operator lets a client be used again.
        ClientEnabled = "client.enabled",
        /// A resource is closed to everybody.
        ResourcePaused = "resource.paused",
        /// A resource is open again.
        ResourceResumed = "resource.resumed",
        /// A resource is for others now; the word more says for whom, and what of it.
        AudienceChanged = "resource.audience_changed",
        /// Somebody is named for a resource; the word more says what of it.
        PersonAllowed = "resource.person_allowed",
        /// Somebody is not named for a resource any more.
        PersonDisallowed = "resource.person_disallowed",
        /// Somebody is an owner now, or a member.
        RoleChanged = "user.role_changed",
        /// Somebody has a link with which to come in for the first time.
        UserInvited = "user.invited",
        /// Somebody has a link with which to set a new password.
        ResetOffered = "user.reset_offered",
        /// Somebody has come in by such a link.
        LinkUsed = "user.link_used",
        /// A person ended every grant of hers.
        AppsDisconnected = "grant.all_revoked_by_person",
        /// A person turned codes of an authenticator app on.
        TotpAdded = "user.totp_added",
        /// A person turned them off.
        TotpRemoved = "user.totp_removed",
        /// A person has other recovery codes.
        RecoveryCodesReplaced = "user.recovery_codes_replaced",
        /// A recovery code took the place of another one.
        RecoveryCodeUsed = "user.recovery_code_used",
        /// The operator took the second factor away.
        SecondFactorReset = "user.second_factor_reset",
        /// Somebody who had passed the first factor did not pass the second.
        SecondFactorRefused = "session.second_factor_refused",
        /// Somebody signed in from a network from which this account was never signed in to.
        NewPlace = "session.new_place",
        /// The attempts to sign in to an account are used up, for now.
        LockedOut = "user.locked_out",
        /// The disk of the database is nearly full.
        DiskLow = "disk.low",
        /// It is not any more.
        DiskEnough = "disk.enough",
        /// A client changed its own registration.
        ClientUpdated = "client.updated",
        /// A client ended its own registration.
        ClientDeregistered = "client.deregistered",
        /// There is one more token with which to register; the word more is its name.
        RegistrationTokenAdded = "registration_token.added",
        /// There is one less.
        RegistrationTokenRemoved = "registration_token.removed",
        /// The operator lets a client have this much; the word more says what.
        ClientLimited = "client.limited",
        /// There are other scopes to be had at a resource; the word more says which.
        ScopesChanged = "resource.scopes_changed",
        /// A backup has taken the place of the database; the word more says from when it was.
        Restored = "database.restored",
        /// The service has moved to another URL; the word more says from where to where.
        IssuerMoved = "issuer.moved",
        /// A former URL is answered for no more; it is the word more.
        IssuerForgotten = "issuer.forgotten",
        /// The tables were brought up to date.
        SchemaUpdated = "schema.updated",
        /// A new client waits for the owner; the person who met it first is named.
        ClientAsked = "client.asked",
        /// The owner lets a new client ask people.
        ClientApproved = "client.approved",
    }
);

/// One decision. Whatever is not known or does not apply is left out.
#[derive(Debug, Clone, Default, Queryable, Selectable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct Subject {
    /// The client.
    pub client_id: Option<ClientId>,
    /// The person.
    pub user_id: Option<UserId>,
    /// The grant.
    pub grant_id: Option<GrantId>,
    /// The resource.
    pub resource: Option<ResourceUri>,
    /// From where.
    pub address: Option<String>,
    /// One word more.
    pub detail: Option<String>,
}

impl Subject {
    /// All that a grant says.
    #[must_use]
    pub fn of(grant: &Grant) -> Self {
        Self {
            client_id: Some(grant.client_id.clone()),
            user_id: Some(grant.user_id.clone()),
            grant_id: Some(grant.id),
            resource: Some(grant.resource.clone()),
            ..Self::default()
        }
    }

    /// A client, and nothing else.
    #[must_use]
    pub fn client(id: &ClientId) -> Self {
        Self { client_id: Some(id.clone()), ..Self::default() }
    }

    /// A person, and nothing else.
    #[must_use]
    pub fn user(id: &UserId) -> Self {
        Self { user_id: Some(id.clone()), ..Self::default() }
    }

    /// A resource, and nothing else.
    #[must_use]
    pub fn resource(uri: &ResourceUri) -> Self {
        Self { resource: Some(uri.clone()), ..Self::default() }
    }
}

/// A decision and when it was made.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Recorded {
    /// When.
    pub at: UnixTime,
    /// What.
    pub kind: Kind,
    /// About whom.
    #[diesel(embed)]
    pub subject: Subject,
    /// By which request: the id of its answer and of its line in the log.
    pub request_id: Option<String>,
}

/// Adds an event to the transaction that makes it true.
pub fn record(
    conn: &mut DbConnection,
    kind: Event,
    subject: Subject,
    now: UnixTime,
) -> Result<(), StorageError> {
    let request = events::request_id.eq(request::current());
    let event = (events::at.eq(now), events::kind.eq(kind), request, subject);
    directly!(conn => diesel::insert_into(events::table).values(event).execute(conn))?;
    Ok(())
}

/// Up to `limit` events, the newest first.
pub fn list(conn: &mut DbConnection, limit: i64) -> Result<Vec<Recorded>, StorageError> {
    let newest = events::table.order(events::id.desc()).limit(limit);
    Ok(newest.select(Recorded::as_select()).load(conn)?)
}

/// Up to `limit` events of these kinds behind `after`, the oldest first, each with its id.
pub fn after(
    conn: &mut DbConnection,
    after: i64,
    kinds: &[Event],
    limit: i64,
) -> Result<Vec<(i64, Recorded)>, StorageError> {
    let later = events::table.filter(events::id.gt(after)).filter(events::kind.eq_any(kinds));
    let later = later.order(events::id).limit(limit);
    Ok(later.select((events::id, Recorded::as_select())).load(conn)?)
}

/// The newest event of these kinds behind `after`.
pub fn last_of(
    conn: &mut DbConnection,
    after: i64,
    kinds: &[Event],
) -> Result<Option<Event>, StorageError> {
    let last = events::table.filter(events::id.gt(after)).filter(events::kind.eq_any(kinds));
    let last = last.order(events::id.desc()).limit(1).select(events::kind);
    Ok(last.load(conn)?.pop())
}

/// The id of the newest event; 0 before there is one.
pub fn newest(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let newest = events::table.select(diesel::dsl::max(events::id));
    Ok(newest.get_result::<Option<i64>>(conn)?.unwrap_or(0))
}
