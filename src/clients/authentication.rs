//! Client authentication: RFC 6749 section 2.3. Resources authenticate in the same ways.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{
    ClientId, ClientMetadata, ErrorCode, IntrospectionId, OAuthError, Parameters, TokenHash,
    form_decode,
};
use crate::storage::clients::Client;
use crate::storage::resource_rules::RuledResource;
use crate::storage::resources::Resource;
use crate::storage::{DbConnection, Known, StorageError, within};

/// Proof that client authentication succeeded: only this module can make one.
#[derive(Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    /// Its `client_id`, the only one that counts from here on.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.0.client_id
    }

    /// Its metadata in force.
    #[must_use]
    pub fn metadata(&self) -> &ClientMetadata {
        &self.0.metadata
    }
}

/// Proof that a resource has authenticated: only this module can make one.
#[derive(Debug)]
pub struct AuthenticatedResource(Arc<RuledResource>);

impl AuthenticatedResource {
    /// Who it is.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.0.resource
    }
}

/// Why somebody is no resource, for the operator's log.
#[derive(Debug)]
pub struct Stranger {
    /// The id that was presented, if a resource has it: what else strangers write is not logged.
    pub resource: Option<IntrospectionId>,
    /// One plain cause.
    pub because: &'static str,
}

impl Stranger {
    /// Somebody who has not named a resource.
    #[must_use]
    pub fn unknown(because: &'static str) -> Self {
        Self { resource: None, because }
    }
}

/// The credentials of a request, as they were presented. Not yet believed.
#[derive(Clone)]
pub struct Presented {
    /// Every reading of them: Basic credentials arrive raw, form-encoded (RFC 6749 section 2.3.1)
    /// or over-encoded, and nothing says which.
    readings: Vec<Reading>,
    via_basic: bool,
}

#[derive(Clone)]
struct Reading {
    id: String,
    secret: Option<TokenHash>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("via_basic", &self.via_basic).finish_non_exhaustive()
    }
}

impl Presented {
    /// Reads `Authorization` and the form.
    ///
    /// A `client_id` in the body beside Basic is fine if it is the same one. A secret in both
    /// places is "more than one authentication method" (RFC 6749 section 2.3) and refused, unless
    /// `twice_is_fine`: one reverse proxy sends both to introspection.
    ///
    /// # Errors
    /// `invalid_client` for no or malformed credentials, `invalid_request` for contradicting ones.
    pub fn from_request(
        authorization: Option<&str>,
        form: &Parameters,
        twice_is_fine: bool,
    ) -> Result<Self, OAuthError> {
        let id = form.get("client_id");
        let secret = form.get("client_secret").map(TokenHash::of);
        let Some(authorization) = authorization else {
            let id = id.ok_or(ErrorCode::InvalidClient.because("client_id is missing"))?;
            let reading = Reading { id: id.to_owned(), secret };
            return Ok(Self { readings: vec![reading], via_basic: false });
        };
        let mut readings = basic(authorization)
            .ok_or(ErrorCode::InvalidClient.because("the Authorization header is malformed"))?;
        if secret.is_some() && !twice_is_fine {
            return Err(ErrorCode::InvalidRequest.because("client authentication is given twice"));
        }
        readings.retain(|reading| {
            let same_secret = secret.is_none() || reading.secret == secret;
            id.is_none_or(|id| reading.id == id) && same_secret
        });
        if readings.is_empty() {
            return Err(ErrorCode::InvalidRequest.because("the credentials contradict each other"));
        }
        Ok(Self { readings, via_basic: true })
    }

    /// Whether a refusal has to name the Basic scheme: RFC 6749 section 5.2.
    #[must_use]
    pub fn via_basic(&self) -> bool {
        self.via_basic
    }

    /// Proves the client. A confidential one shows its secret, whichever of the two ways; a public
    /// one has none to show.
    ///
    /// # Errors
    /// `invalid_client`, the same for an unknown, a disabled and a wrongly authenticated client.
    pub fn client(&self, conn: &mut DbConnection) -> Result<AuthenticatedClient, Error> {
        for reading in &self.readings {
            let Ok(id) = reading.id.parse::<ClientId>() else { continue };
            let Some(client) = within(conn, |known| known.client(&id))? else { continue };
            let authentic = if client.metadata.is_public() {
                reading.secret.is_none()
            } else {
                client.secret_hash.is_some() && client.secret_hash == reading.secret
            };
            if authentic && client.disabled_at.is_none() {
                return Ok(AuthenticatedClient(client));
            }
        }
        Err(ErrorCode::InvalidClient.because("the client is unknown or not authenticated").into())
    }

    /// Proves the resource.
    ///
    /// # Errors
    /// The database's.
    pub fn resource(
        &self,
        known: &mut Known<'_>,
        now: UnixTime,
    ) -> Result<Result<AuthenticatedResource, Stranger>, StorageError> {
        let mut stranger = Stranger::unknown("the id is of no resource");
        for reading in &self.readings {
            let Ok(id) = reading.id.parse::<IntrospectionId>() else { continue };
            let Some(found) = known.resource(&id)? else { continue };
            let resource = &found.resource;
            let because = match &reading.secret {
                Some(secret) if resource.accepts(secret, now) => {
                    return Ok(Ok(AuthenticatedResource(found)));
                }
                Some(_) if resource.secret_hash.is_none() => "the resource has no secret yet",
                Some(_) => "the secret is not the resource's",
                None => "there is no secret",
            };
            stranger = Stranger { resource: Some(id), because };
        }
        Ok(Err(stranger))
    }
}

/// The readings of a Basic header: RFC 7617 section 2. An empty secret is none.
fn basic(authorization: &str) -> Option<Vec<Reading>> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let encoded = encoded.trim().as_bytes();
    let bytes = BASE64.decode(encoded).or_else(|_| BASE64_NOPAD.decode(encoded)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    let reading = |id: String, secret: &str| Reading {
        id,
        secret: (!secret.is_empty()).then(|| TokenHash::of(secret)),
    };
    let mut readings = vec![reading(id.to_owned(), secret)];
    // Most are the same, decoded or not.
    if !text.contains(['%', '+']) {
        return Some(readings);
    }
    if let (Some(decoded_id), Some(decoded_secret)) = (form_decode(id), form_decode(secret))
        && (decoded_id != id || decoded_secret != secret)
    {
        readings.insert(0, reading(decoded_id, &decoded_secret));
    }
    Some(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(authorization: Option<&str>, form: &str) -> Result<Presented, OAuthError> {
        let encoded = authorization.map(|text| format!("bAsIc {}", BASE64.encode(text.as_bytes())));
        Presented::from_request(encoded.as_deref(), &Parameters::parse(form).unwrap(), false)
    }

    #[test]
    fn every_encoding_of_basic_is_read() {
        for text in ["mcp-rs:s-1", "mcp%2Drs:s%2d1"] {
            let readings = presented(Some(text), "").unwrap().readings;
            let meant = |r: &Reading| r.id == "mcp-rs" && r.secret == Some(TokenHash::of("s-1"));
            assert!(readings.iter().any(meant), "{text}");
        }
    }

    #[test]
    fn malformed_headers_are_invalid_client() {
        for header in ["", "Basic", "Basic !", "Bearer x", "Basic bm9jb2xvbg=="] {
            let form = Parameters::parse("").unwrap();
            let error = Presented::from_request(Some(header), &form, false).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidClient, "{header}");
        }
    }

    #[test]
    fn contradictions_are_invalid_request() {
        for form in ["client_id=b", "client_id=a&client_secret=s", "client_secret=s"] {
            let error = presented(Some("a:s"), form).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{form}");
        }
        assert!(presented(Some("a:s"), "client_id=a").is_ok());
    }

    #[test]
    fn both_at_once_are_fine_where_they_agree() {
        let header = format!("Basic {}", BASE64.encode(b"a:s"));
        let read =
            |form| Presented::from_request(Some(&header), &Parameters::parse(form).unwrap(), true);
        assert!(read("client_id=a&client_secret=s").is_ok());
        for contradiction in ["client_id=a&client_secret=t", "client_secret=t"] {
            assert!(read(contradiction).is_err(), "{contradiction}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let shown = format!("{:?}", presented(Some("a:topsecret"), "").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
