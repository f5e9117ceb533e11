//! `oauth_grants`: one person's yes to one client. Whatever ends access is one UPDATE of this table.

mod together;

use std::net::IpAddr;

use diesel::dsl;
use diesel::prelude::*;

use super::codec::text_enum;
use super::connection::{LookUp, directly, update};
use super::ids::insert_fresh;
use super::schema::oauth_grants;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, ResourceUri, Scope, UserId};
pub(super) use together::spellings;
pub use together::{
    revoke_all, revoke_beyond, revoke_of_client, revoke_of_resource, revoke_of_user,
};

/// A yes.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_grants, treat_none_as_default_value = false)]
pub struct Grant {
    /// Its key.
    pub id: GrantId,
    /// To whom.
    pub client_id: ClientId,
    /// Whose.
    pub user_id: UserId,
    /// To what.
    pub scope: Scope,
    /// Where: the registered spelling, `aud`.
    pub resource: ResourceUri,
    /// When its code was redeemed.
    pub created_at: UnixTime,
    /// When tokens were last issued, to within an hour.
    pub last_used_at: UnixTime,
    /// Its absolute end.
    pub expires_at: UnixTime,
    /// No token of it lives longer, give or take an hour.
    pub tokens_until: UnixTime,
    /// When it was ended.
    pub revoked_at: Option<UnixTime>,
    /// Why.
    pub revoked_because: Option<RevokedBecause>,
    /// From where tokens were last asked for.
    pub last_used_address: Option<String>,
    /// Whether it was taken over from the replaced provider: its person was not asked here.
    pub imported: bool,
}

text_enum!(
    /// Why a grant was ended.
    RevokedBecause {
        /// The client said so: RFC 7009.
        Client = "client",
        /// The operator said so.
        Operator = "operator",
        /// The person whose it was said so.
        Person = "person",
        /// Its user was disabled or removed.
        User = "user",
        /// Its client was disabled or removed.
        ClientRemoved = "client_removed",
        /// Its person may not have it any more.
        NotAdmitted = "not_admitted",
        /// Its client may not have it any more.
        ClientLimited = "client_limited",
        /// Its resource was removed.
        ResourceRemoved = "resource_removed",
        /// Its code was redeemed twice: RFC 6749 section 4.1.2.
        CodeReplayed = "code_replayed",
        /// One of its refresh tokens was used by two holders: RFC 9700 section 4.14.2.
        RefreshReplayed = "refresh_replayed",
    }
);

/// What a list of grants is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Of this user.
    pub user_id: Option<UserId>,
    /// To this client.
    pub client_id: Option<ClientId>,
    /// Ended ones too.
    pub with_revoked: bool,
}

impl Grant {
    /// Whether tokens of it may live.
    #[must_use]
    pub fn is_live(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Draws the key of a new grant, which `make` turns into its row.
pub fn insert(
    conn: &mut DbConnection,
    make: impl Fn(GrantId) -> Grant,
) -> Result<Grant, StorageError> {
    insert_fresh(|id| {
        let grant = make(GrantId(id.0));
        let query = diesel::insert_into(oauth_grants::table).values(&grant);
        directly!(conn => query.execute(conn))?;
        Ok(grant)
    })
}

/// The grant with this key, alive or not.
pub fn find(conn: &mut DbConnection, id: GrantId) -> Result<Option<Grant>, StorageError> {
    static LOOK_UP: LookUp = LookUp::new();
    let grant = LOOK_UP.by(id, |id| oauth_grants::table.find(id).select(Grant::as_select()));
    Ok(directly!(conn => grant.get_result(conn)).optional()?)
}

/// Up to `limit` grants, the newest first, older than `before`.
pub fn list(
    conn: &mut DbConnection,
    narrowing: &Narrowing,
    before: GrantId,
    limit: i64,
) -> Result<Vec<Grant>, StorageError> {
    let mut page = oauth_grants::table
        .filter(oauth_grants::id.lt(before))
        .order(oauth_grants::id.desc())
        .limit(limit)
        .select(Grant::as_select())
        .into_boxed();
    if let Some(user_id) = &narrowing.user_id {
        page = page.filter(oauth_grants::user_id.eq(user_id));
    }
    if let Some(client_id) = &narrowing.client_id {
        page = page.filter(oauth_grants::client_id.eq(client_id));
    }
    if !narrowing.with_revoked {
        page = page.filter(oauth_grants::revoked_at.is_null());
    }
    Ok(page.load(conn)?)
}

/// Notes that tokens were issued, when, and to where.
pub fn touch(
    conn: &mut DbConnection,
    id: GrantId,
    (now, address): (UnixTime, Option<IpAddr>),
    tokens_until: UnixTime,
) -> Result<(), StorageError> {
    let touched = update(
        oauth_grants::table.find(id),
        (
            oauth_grants::last_used_at.eq(now),
            oauth_grants::last_used_address.eq(address.map(|address| address.to_string())),
            oauth_grants::tokens_until.eq(tokens_until),
        ),
    );
    directly!(conn => touched.execute(conn))?;
    Ok(())
}

/// Ends a grant. False if it had ended before.
pub fn revoke(
    conn: &mut DbConnection,
    id: GrantId,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let live = oauth_grants::table.find(id).filter(oauth_grants::revoked_at.is_null());
    let revoked =
        update(live, (oauth_grants::revoked_at.eq(now), oauth_grants::revoked_because.eq(because)));
    Ok(directly!(conn => revoked.execute(conn))? == 1)
}

/// The live grants of a user for one resource, in whatever spelling it has.
pub fn live_of(
    conn: &mut DbConnection,
    user_id: &UserId,
    canonical: &str,
) -> Result<Vec<Grant>, StorageError> {
    let theirs = oauth_grants::table
        .filter(oauth_grants::user_id.eq(user_id))
        .filter(oauth_grants::revoked_at.is_null())
        .select(Grant::as_select())
        .load::<Grant>(conn)?;
    Ok(theirs.into_iter().filter(|grant| grant.resource.canonical() == canonical).collect())
}

/// The newest grant that there is, or 0: every later one has a greater key.
pub fn last(conn: &mut DbConnection) -> Result<GrantId, StorageError> {
    let last = oauth_grants::table.select(dsl::max(oauth_grants::id));
    Ok(last.get_result::<Option<GrantId>>(conn)?.unwrap_or(GrantId(0)))
}

/// Up to `limit` grants behind `after` and up to `last`, in the order of their keys, ended or not.
pub fn walk(
    conn: &mut DbConnection,
    after: GrantId,
    last: GrantId,
    limit: i64,
) -> Result<Vec<Grant>, StorageError> {
    let page = oauth_grants::table
        .filter(oauth_grants::id.gt(after))
        .filter(oauth_grants::id.le(last))
        .order(oauth_grants::id)
        .limit(limit);
    Ok(page.select(Grant::as_select()).load(conn)?)
}

/// Looks at `limit` grants behind `after`, and deletes those whose last token has been dead since
/// `before`: how many, and where to go on.
pub fn delete_dead(
    conn: &mut DbConnection,
    after: GrantId,
    before: UnixTime,
    limit: i64,
) -> Result<(usize, Option<GrantId>), StorageError> {
    let page = oauth_grants::table
        .filter(oauth_grants::id.gt(after))
        .order(oauth_grants::id)
        .limit(limit)
        .select((oauth_grants::id, oauth_grants::tokens_until))
        .load::<(GrantId, UnixTime)>(conn)?;
    let dead: Vec<GrantId> =
        page.iter().filter(|(_, until)| *until < before).map(|(id, _)| *id).collect();
    let deleted =
        diesel::delete(oauth_grants::table.filter(oauth_grants::id.eq_any(dead))).execute(conn)?;
    Ok((deleted, page.last().map(|(id, _)| *id)))
}

/// What changes of a grant that ends.
type Ended = (
    dsl::Eq<oauth_grants::revoked_at, UnixTime>,
    dsl::Eq<oauth_grants::revoked_because, RevokedBecause>,
);

fn ended(because: RevokedBecause, now: UnixTime) -> Ended {
    (oauth_grants::revoked_at.eq(now), oauth_grants::revoked_because.eq(because))
}

/// How many live grants each client has that has one.
pub fn live_by_client(
    conn: &mut DbConnection,
    now: UnixTime,
) -> Result<Vec<(ClientId, i64)>, StorageError> {
    let live = oauth_grants::table
        .filter(oauth_grants::revoked_at.is_null())
        .filter(oauth_grants::expires_at.gt(now))
        .group_by(oauth_grants::client_id);
    Ok(live.select((oauth_grants::client_id, diesel::dsl::count_star())).load(conn)?)
}
