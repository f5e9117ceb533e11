//! What a client may do with its own registration: RFC 7592. Read it, replace it, end it, with the
//! registration access token.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::registration::{self, Bounds, fingerprint};
use crate::app::Network;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{
    ClientAuthMethod, ClientId, ClientMetadata, ErrorCode, MachineSecret, OAuthError, TokenHash,
};
use crate::revocation;
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, StorageError};

/// A client whose registration access token was shown: only this module can make one.
#[derive(Debug)]
pub struct Registrant {
    client: Client,
    token: TokenHash,
}

impl Registrant {
    /// Whose registration it is.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same, let go.
    #[must_use]
    pub fn into_client(self) -> Client {
        self.client
    }
}

/// What a client wants in the place of its registration: RFC 7592 section 2.2.
#[derive(Debug, Clone)]
pub struct Replacement {
    client_id: String,
    secret: Option<TokenHash>,
    metadata: ClientMetadata,
}

/// The members that decide whether a replacement may be made. Null is absent.
#[derive(Deserialize)]
struct Members {
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The members that the server makes: RFC 7592 section 2.2.
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

impl Replacement {
    /// Reads an update request: all of the metadata, by the rules of a registration. What is left out
    /// is deleted.
    ///
    /// # Errors
    /// `invalid_client_metadata` for members that are ours to make, and for one that is missing;
    /// otherwise as [`registration::metadata`].
    pub fn read(body: &[u8], bounds: &Bounds) -> Result<Self, OAuthError> {
        let metadata = registration::metadata(body, bounds)?;
        let members: Members =
            serde_json::from_slice(body).map_err(|_| invalid("a member has the wrong type"))?;
        let sent = |name: &&str| members.others.get(*name).is_some_and(|value| !value.is_null());
        let ours: Vec<_> = OURS.into_iter().filter(sent).collect();
        if !ours.is_empty() {
            return Err(invalid(format!(
                "an update has no members that the server makes: {}",
                ours.join(", ")
            )));
        }
        let secret = members.client_secret.filter(|secret| !secret.is_empty());
        Ok(Self {
            client_id: members.client_id.ok_or_else(|| invalid("client_id is missing"))?,
            secret: secret.as_deref().map(TokenHash::of),
            metadata,
        })
    }

    /// What is to be in force.
    #[must_use]
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }
}

/// Whose token this is, if it is the one of this client: a client that registered itself, that no
/// other installation shares, and that is not disabled.
///
/// # Errors
/// `invalid_token`, the same for every cause (RFC 7592 section 2.1), and the database's.
pub fn authenticate(
    conn: &mut DbConnection,
    client_id: &str,
    token: &str,
) -> Result<Registrant, Error> {
    let token = TokenHash::of(token);
    let Ok(id) = client_id.parse::<ClientId>() else { return Err(no_token().into()) };
    let client = clients::find(conn, &id)?.filter(|client| {
        client.registration_token_hash.as_ref() == Some(&token) && client.disabled_at.is_none()
    });
    Ok(Registrant { client: client.ok_or_else(no_token)?, token })
}

/// Replaces what the client registered. The new secret, if it needs one and has none yet.
///
/// Nothing ends by itself: requests and codes whose redirect URI is gone are refused where they are
/// answered, and connections stay. What the owner said yes to was the client as it was.
///
/// # Errors
/// `invalid_client_metadata` for another `client_id` or another secret than its own; `invalid_token`
/// if the registration was shared or disabled meanwhile; the database's.
pub fn replace(
    conn: &mut DbConnection,
    registrant: Registrant,
    wanted: &Replacement,
    from: Network,
    now: UnixTime,
) -> Result<(Client, Option<MachineSecret>), Error> {
    let Registrant { client: before, token } = registrant;
    if wanted.client_id != before.client_id.as_str() {
        return Err(invalid("client_id is not the one of this registration").into());
    }
    if wanted.secret.is_some() && wanted.secret != before.secret_hash {
        return Err(invalid("client_secret is not the one of this client").into());
    }
    let is_public = wanted.metadata.token_endpoint_auth_method == ClientAuthMethod::None;
    let secret = (!is_public && before.secret_hash.is_none()).then(MachineSecret::for_client);
    let new_hash = secret.as_ref().map(MachineSecret::hash);
    let same = wanted.metadata == before.metadata;
    let client = Client {
        metadata: wanted.metadata.clone(),
        name: wanted.metadata.client_name.clone().unwrap_or_default(),
        secret_hash: new_hash.or(before.secret_hash.clone()).filter(|_| !is_public),
        fingerprint: fingerprint(&wanted.metadata),
        // Somebody has said yes to what it was: the owner is asked about what it is, as about a new one.
        asked_at: if same { before.asked_at } else { before.last_used_at.map(|_| now) },
        asked_by: before.asked_by.clone().filter(|_| same),
        approved_at: before.approved_at.filter(|_| same),
        ..before.clone()
    };
    if !clients::replace_metadata(conn, &client, &token)? {
        return Err(no_token().into());
    }
    if !same && concerns_somebody(&before) {
        record(conn, Event::ClientUpdated, subject(&client, from), now)?;
    }
    Ok((client, secret))
}

/// Ends the registration, and everything that was had by it.
///
/// # Errors
/// The database's.
pub fn deregister(
    conn: &mut DbConnection,
    registrant: &Registrant,
    from: Network,
    now: UnixTime,
) -> Result<(), StorageError> {
    let client = &registrant.client;
    if revocation::forget_client(conn, &client.client_id, now)?.is_none() {
        return Ok(());
    }
    if concerns_somebody(client) {
        return record(conn, Event::ClientDeregistered, subject(client, from), now);
    }
    clients::forget_record(conn, &client.client_id)
}

/// What strangers do with registrations that nobody ever met is not kept: it would fill the disk.
fn concerns_somebody(client: &Client) -> bool {
    client.authorized_at.or(client.asked_at).or(client.approved_at).is_some()
}

fn subject(client: &Client, from: Network) -> Subject {
    Subject { address: Some(from.to_string()), ..Subject::client(&client.client_id) }
}

fn invalid(description: impl Into<Cow<'static, str>>) -> OAuthError {
    ErrorCode::InvalidClientMetadata.because(description)
}

fn no_token() -> OAuthError {
    ErrorCode::InvalidToken.because("the token is not the one of this registration")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { redirect_uris: 3, string: 100, unused_clients: 10 };

    fn read(members: &str) -> Result<Replacement, OAuthError> {
        let body = format!(r#"{{"redirect_uris":["https://h.example/cb"]{members}}}"#);
        Replacement::read(body.as_bytes(), &BOUNDS)
    }

    #[test]
    fn an_update_names_its_client_and_nothing_that_the_server_makes() {
        read(r#","client_id":"a","client_secret":"s""#).unwrap();
        read(r#","client_id":"a","client_secret":null,"registration_client_uri":null"#).unwrap();
        for members in [
            "",
            r#","client_id":null"#,
            r#","client_id":7"#,
            r#","client_id":"a","client_secret":7"#,
            r#","client_id":"a","registration_access_token":"x""#,
            r#","client_id":"a","registration_client_uri":"x""#,
            r#","client_id":"a","client_secret_expires_at":0"#,
            r#","client_id":"a","client_id_issued_at":1"#,
        ] {
            let error = read(members).expect_err(members);
            assert_eq!(error.code, ErrorCode::InvalidClientMetadata, "{members}");
        }
        let as_read = r#","client_id":"a","client_id_issued_at":1,"client_secret_expires_at":0"#;
        let named = "that the server makes: client_secret_expires_at, client_id_issued_at";
        assert!(read(as_read).unwrap_err().description.ends_with(named));
    }

    #[test]
    fn an_update_is_held_to_the_rules_of_a_registration() {
        let body = br#"{"client_id":"a","redirect_uris":["http://evil.example/"]}"#;
        let error = Replacement::read(body, &BOUNDS).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRedirectUri);
    }
}
