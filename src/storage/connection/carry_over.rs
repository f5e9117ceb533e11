//! What the database that is replaced knows, and its backup does not: said in SQL, between two files.
//!
//! | | in the restored database |
//! |---|---|
//! | known to both | as the later one says: passwords, second factors, secrets, rules, who is disabled |
//! | removed since | is back, and closed: people and clients disabled, resources paused and without a secret |
//! | added since | is gone |
//! | grants | ended if they were ended or used since; a rotated refresh token could not be told from a stolen one |
//! | sessions | ended if they were ended since |
//! | what works once, or lives for minutes | as the later one says, if it belongs to a person; else gone |

use diesel::prelude::*;

use super::texts;
use crate::clock::UnixTime;
use crate::storage::StorageError;

/// How many rows of the backup have been changed, so that nothing comes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Carried {
    /// Grants that had been ended since.
    pub grants_ended_since: usize,
    /// Grants whose tokens had been rotated since.
    pub grants_used_since: usize,
    /// Grants that were ended because all were to end.
    pub grants_ended_now: usize,
    /// Browsers that are not signed in any more.
    pub sessions_ended: usize,
    /// People who had been removed since.
    pub people_disabled: usize,
    /// Clients that had been removed since.
    pub clients_disabled: usize,
    /// MCP servers that had been removed since.
    pub resources_paused: usize,
}

/// Belongs to people, and says so by `user_id`.
const OF_PEOPLE: [&str; 7] = [
    "passkeys",
    "totp_secrets",
    "recovery_codes",
    "identities",
    "one_time_links",
    "seen_documents",
    "sign_in_places",
];

/// Why `old` does not know what came after the backup, whose own last event was `last`; none if it does.
/// It has grown out of it if it has somebody in common with it, or something that somebody did, for ids are
/// drawn at random; and if all that is in the record of the backup is in its own, or forgotten by now.
pub(super) fn why_not_known(
    conn: &mut SqliteConnection,
    last: i64,
) -> Result<Option<&'static str>, StorageError> {
    let common = "SELECT 'yes' AS text WHERE
        EXISTS (SELECT 1 FROM main.users AS b JOIN old.users AS o ON o.id = b.id)
        OR EXISTS (SELECT 1 FROM main.events AS b JOIN old.events AS o ON o.id = b.id
                   WHERE o.at = b.at AND o.kind = b.kind AND o.user_id = b.user_id)";
    if texts(conn, common)?.is_empty() {
        return Ok(Some("the database has nothing to do with the backup"));
    }
    // Restored from an older backup, it has other events under the ids of what it has never seen.
    let unseen = format!(
        "SELECT 'yes' AS text WHERE {last} > (SELECT COALESCE(max(id), 0) FROM old.events)
         OR EXISTS (SELECT 1 FROM main.events AS b JOIN old.events AS o ON o.id = b.id
                    WHERE b.id <= {last} AND (o.at <> b.at OR o.kind <> b.kind
                        OR o.user_id IS NOT b.user_id OR o.resource IS NOT b.resource))"
    );
    let is_older = !texts(conn, &unseen)?.is_empty();
    Ok(is_older
        .then_some("the database is older than the backup, or was restored from an older one"))
}

/// Carries over what `old` knows since the event `last`; adds what that has ended.
pub(super) fn carry_over(
    conn: &mut SqliteConnection,
    last: i64,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    end_grants(conn, now, carried)?;
    carried.sessions_ended =
        run(conn, "DELETE FROM main.sessions WHERE id NOT IN (SELECT id FROM old.sessions)")?;
    people(conn, now, carried)?;
    clients(conn, now, carried)?;
    resources(conn, now, carried)?;
    run(
        conn,
        "DELETE FROM main.registration_tokens WHERE id NOT IN (SELECT id FROM old.registration_tokens)",
    )?;
    take_over(conn, "registration_tokens", "id IN (SELECT id FROM main.registration_tokens)")?;
    // What had expired by then stays so.
    let later =
        "UPDATE main.clock SET seen_at = max(seen_at, (SELECT max(seen_at) FROM old.clock))";
    run(conn, later)?;
    // The record is not restored: it goes on, and so does what has been told of it.
    take_over(conn, "events", &format!("id > {last}"))?;
    run(conn, "DELETE FROM main.notification_channels")?;
    take_over(conn, "notification_channels", "TRUE")?;
    // A move of the service is not undone by a backup from before.
    run(conn, "DELETE FROM main.issuers")?;
    take_over(conn, "issuers", "TRUE")?;
    forget_what_lives_for_minutes(conn)
}

/// Where nobody knows what was used since, nothing that works once works again.
pub(super) fn end_what_works_once(
    conn: &mut SqliteConnection,
    now: UnixTime,
) -> Result<(), StorageError> {
    run(conn, "DELETE FROM main.one_time_links")?;
    let used = format!("UPDATE main.recovery_codes SET used_at = {} WHERE used_at IS NULL", now.0);
    run(conn, &used)?;
    // A code of the step after this one is accepted too: RFC 6238 section 5.2.
    let step = now.0 / 30 + 1;
    run(conn, &format!("UPDATE main.totp_secrets SET last_step = max(last_step, {step})"))?;
    run(conn, "UPDATE main.registration_tokens SET uses_left = 0 WHERE uses_left IS NOT NULL")?;
    forget_what_lives_for_minutes(conn)
}

/// Ends all that lets somebody in without asking; adds it to what was ended before.
pub(super) fn end_everything(
    conn: &mut SqliteConnection,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    carried.grants_ended_now = end_where(conn, now, "TRUE")?;
    carried.sessions_ended += run(conn, "DELETE FROM main.sessions")?;
    Ok(())
}

fn end_where(
    conn: &mut SqliteConnection,
    now: UnixTime,
    which: &str,
) -> Result<usize, StorageError> {
    let end = format!(
        "UPDATE main.oauth_grants SET revoked_at = {}, revoked_because = 'operator'
         WHERE revoked_at IS NULL AND {which}",
        now.0
    );
    run(conn, &end)
}

fn end_grants(
    conn: &mut SqliteConnection,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    let ended = "UPDATE main.oauth_grants
         SET revoked_at = o.revoked_at, revoked_because = o.revoked_because
         FROM old.oauth_grants AS o
         WHERE o.id = oauth_grants.id AND o.revoked_at IS NOT NULL
             AND oauth_grants.revoked_at IS NULL";
    carried.grants_ended_since = run(conn, ended)?;
    // Ended so long ago that they have been swept.
    carried.grants_ended_since +=
        end_where(conn, now, "id NOT IN (SELECT id FROM old.oauth_grants)")?;
    let used = "id IN (SELECT b.grant_id FROM main.oauth_refresh_tokens AS b
             LEFT JOIN old.oauth_refresh_tokens AS o ON o.id = b.id
             WHERE b.used_at IS NULL AND (o.id IS NULL OR o.used_at IS NOT NULL))";
    carried.grants_used_since = end_where(conn, now, used)?;
    // Of those that live on: a client that has been seen with its pair does not get it again.
    let confirmed = "UPDATE main.oauth_refresh_tokens
         SET confirmed_at = COALESCE(o.confirmed_at, oauth_refresh_tokens.confirmed_at),
             salt = CASE WHEN o.salt IS NULL THEN NULL ELSE oauth_refresh_tokens.salt END
         FROM old.oauth_refresh_tokens AS o
         WHERE o.id = oauth_refresh_tokens.id
             AND (o.confirmed_at IS NOT oauth_refresh_tokens.confirmed_at
                  OR o.salt IS NOT oauth_refresh_tokens.salt)";
    run(conn, confirmed)?;
    Ok(())
}

fn people(
    conn: &mut SqliteConnection,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    let known = "(SELECT b.id FROM main.users AS b JOIN old.users AS o ON o.id = b.id)";
    for table in OF_PEOPLE {
        run(conn, &format!("DELETE FROM main.{table} WHERE user_id IN {known}"))?;
        take_over(conn, table, &format!("user_id IN {known}"))?;
    }
    // Of nobody yet, or of somebody who had been removed.
    run(
        conn,
        &format!("DELETE FROM main.one_time_links WHERE user_id IS NULL OR user_id NOT IN {known}"),
    )?;
    take_over(conn, "users", "id IN (SELECT id FROM main.users)")?;
    carried.people_disabled = run(
        conn,
        &format!(
            "UPDATE main.users SET disabled_at = {} WHERE disabled_at IS NULL
             AND id NOT IN (SELECT id FROM old.users)",
            now.0
        ),
    )?;
    Ok(())
}

fn clients(
    conn: &mut SqliteConnection,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    take_over(conn, "oauth_clients", "client_id IN (SELECT client_id FROM main.oauth_clients)")?;
    let removed = "client_id NOT IN (SELECT client_id FROM old.oauth_clients)";
    // What nobody had used or decided about was only forgotten.
    let forget = format!(
        "DELETE FROM main.oauth_clients WHERE authorized_at IS NULL AND disabled_at IS NULL
             AND approved_at IS NULL AND ceiling IS NULL AND origin <> 'configured' AND {removed}"
    );
    run(conn, &forget)?;
    let disable = format!(
        "UPDATE main.oauth_clients SET disabled_at = {} WHERE disabled_at IS NULL AND {removed}",
        now.0
    );
    carried.clients_disabled = run(conn, &disable)?;
    run(conn, "DELETE FROM main.client_documents")?;
    take_over(conn, "client_documents", "client_id IN (SELECT client_id FROM main.oauth_clients)")?;
    Ok(())
}

/// By their canonical address: one that was removed and added again has another id.
fn resources(
    conn: &mut SqliteConnection,
    now: UnixTime,
    carried: &mut Carried,
) -> Result<(), StorageError> {
    let known = "(SELECT b.canonical FROM main.resources AS b
        JOIN old.resources AS o ON o.canonical = b.canonical)";
    for table in ["resource_rules", "resource_people"] {
        run(conn, &format!("DELETE FROM main.{table} WHERE resource IN {known}"))?;
    }
    take_over(conn, "resource_rules", &format!("resource IN {known}"))?;
    let of_known = format!("resource IN {known} AND user_id IN (SELECT id FROM main.users)");
    take_over(conn, "resource_people", &of_known)?;
    take_over(conn, "resources", &format!("canonical IN {known}"))?;
    let close = format!(
        "UPDATE main.resources SET paused_at = COALESCE(paused_at, {}), secret_hash = NULL,
             previous_secret_hash = NULL, previous_secret_until = NULL
         WHERE canonical NOT IN (SELECT canonical FROM old.resources)",
        now.0
    );
    carried.resources_paused = run(conn, &close)?;
    Ok(())
}

/// Sign-ins, questions and codes that were on their way.
fn forget_what_lives_for_minutes(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    run(conn, "DELETE FROM main.sign_ins")?;
    run(conn, "DELETE FROM main.authorization_requests")?;
    run(conn, "DELETE FROM main.oauth_codes WHERE redeemed_at IS NULL")?;
    Ok(())
}

/// Rows of `old`, in the place of those with the same key.
fn take_over(conn: &mut SqliteConnection, table: &str, which: &str) -> Result<usize, StorageError> {
    // A newer schema may have more.
    let columns = format!("SELECT name AS text FROM pragma_table_info('{table}', 'main')");
    let columns = texts(conn, &columns)?.join(", ");
    let copy = format!(
        "INSERT OR REPLACE INTO main.{table} ({columns})
         SELECT {columns} FROM old.{table} WHERE {which}"
    );
    run(conn, &copy)
}

fn run(conn: &mut SqliteConnection, statement: &str) -> Result<usize, StorageError> {
    Ok(diesel::sql_query(statement).execute(conn)?)
}
