//! How a browser proves that it holds a passkey: Web Authentication level 3, sections 7.1 and 7.2.
//!
//! What is signed is checked by webauthn-rs: the type of the ceremony, the challenge (random, and
//! kept on this side), the origin and the RP id, that the person was there and was verified (by a
//! PIN, a finger, a face), the signature, and the counter. Whose passkey it is, is checked here.

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tracing::debug;
use url::Url;
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey as PublicKey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, WebauthnBuilder, WebauthnError,
};

use super::{Proved, offered_at};
use crate::accounts::sign_in::PATIENCE;
use crate::config::Config;
use crate::oauth::{ErrorCode, Issuer, OAuthError, UserId};
use crate::storage::StorageError;
use crate::storage::passkeys::Passkey;
use crate::storage::users::User;
use crate::words;

/// This service, as browsers and passkeys know it.
#[derive(Debug)]
pub struct RelyingParty {
    id: String,
    checks: Webauthn,
}

/// A ceremony that has begun.
#[derive(Debug)]
pub struct Begun {
    /// For `navigator.credentials`; its binary members are base64url.
    pub options: Value,
    /// What the answer is checked against. It stays on this side.
    pub state: String,
}

/// What a browser answers when somebody signs in, not checked yet.
#[derive(Debug)]
pub struct Answer(PublicKeyCredential);

/// A known passkey whose browser has proved that it holds it: only this module can make one.
#[derive(Debug, Clone)]
pub struct Used {
    pub(super) known: Passkey,
    pub(super) passkey: String,
}

impl RelyingParty {
    /// As it is at this issuer; none where passkeys are not offered.
    #[must_use]
    pub fn at(issuer: &Issuer, config: &Config) -> Option<Self> {
        let id = offered_at(config, issuer)?;
        let origin = Url::parse(issuer.origin()).ok()?;
        let builder = WebauthnBuilder::new(&id, &origin).ok()?;
        Some(Self { checks: builder.timeout(patience()).build().ok()?, id })
    }

    /// The RP id: for which host passkeys are made.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks for a new passkey, on none of the devices that have one already.
    ///
    /// # Errors
    /// A defect of ours.
    pub fn creation(&self, user: &User, known: &[Passkey]) -> Result<Begun, StorageError> {
        let excluded = known.iter().filter_map(|passkey| decode(&passkey.credential_id)).collect();
        let (id, name) = (handle(&user.id), &user.username);
        let begun = self.checks.start_passkey_registration(id, name, name, Some(excluded));
        let (options, state) = begun.map_err(|error| defect(&error))?;
        let mut options = json(&options)?;
        // Without a user name it can only be found if the device keeps it: section 5.4.6.
        let selection = &mut options["publicKey"]["authenticatorSelection"];
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
        Ok(Begun { options, state: json(&state)?.to_string() })
    }

    /// Asks for one of these passkeys, or for any of this site's if there are none.
    ///
    /// # Errors
    /// A defect of ours.
    pub fn request(&self, allowed: &[Passkey]) -> Result<Begun, StorageError> {
        let (options, state) =
            self.checks.start_discoverable_authentication().map_err(|error| defect(&error))?;
        let mut options = json(&options)?;
        // The person has pressed a button, and is asked at once.
        options.as_object_mut().map(|options| options.remove("mediation"));
        let descriptor =
            |id: &String| serde_json::json!({ "type": "public-key", "id": id.as_str() });
        options["publicKey"]["allowCredentials"] =
            allowed.iter().map(|passkey| descriptor(&passkey.credential_id)).collect();
        Ok(Begun { options, state: json(&state)?.to_string() })
    }

    /// Section 7.1: whether the answer is a new passkey, made for `user_id` in this ceremony.
    ///
    /// # Errors
    /// `access_denied` if not.
    pub fn created(
        &self,
        user_id: &UserId,
        state: &str,
        answer: &str,
    ) -> Result<Proved, OAuthError> {
        let state: PasskeyRegistration = parse(state)?;
        let answer: RegisterPublicKeyCredential = parse(answer)?;
        let checked = self.checks.finish_passkey_registration(&answer, &state);
        let passkey = checked.map_err(|error| refused(&error))?;
        Ok(Proved {
            credential_id: BASE64URL_NOPAD.encode(passkey.cred_id()),
            passkey: json(&passkey).map_err(|_| wrong())?.to_string(),
            host: self.id.clone(),
            user_id: user_id.clone(),
        })
    }

    /// Section 7.2: whether the answer is from `known`, in this ceremony.
    ///
    /// # Errors
    /// `access_denied` if not.
    pub fn used(&self, state: &str, answer: &Answer, known: Passkey) -> Result<Used, OAuthError> {
        let state: DiscoverableAuthentication = parse(state)?;
        let mut key: PublicKey = parse(&known.passkey)?;
        let checked = self.checks.finish_discoverable_authentication_v2(&answer.0, state, &key);
        let result = checked.map_err(|error| refused(&error))?;
        key.update_credential(&result).ok_or_else(wrong)?;
        Ok(Used { known, passkey: json(&key).map_err(|_| wrong())?.to_string() })
    }
}

impl Answer {
    /// # Errors
    /// `access_denied` for what no browser answers, or one in a frame of another site.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        #[derive(Deserialize)]
        struct ClientData {
            #[serde(default, rename = "crossOrigin")]
            cross_origin: bool,
        }
        let answer: PublicKeyCredential = parse(text)?;
        // webauthn-rs looks at this for new passkeys only: section 7.2, step 13.
        let client_data: ClientData =
            serde_json::from_slice(&answer.response.client_data_json).map_err(|_| wrong())?;
        if client_data.cross_origin || answer.type_ != "public-key" {
            return Err(wrong());
        }
        Ok(Self(answer))
    }

    /// The passkey that it names, as we keep it.
    #[must_use]
    pub fn credential_id(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.get_credential_id())
    }

    /// Whether the browser says that the passkey is this person's.
    #[must_use]
    pub fn is_of(&self, user_id: &UserId) -> bool {
        self.0.get_user_unique_id().is_some_and(|said| said == handle(user_id).as_bytes())
    }

    /// Whether the browser says that it is somebody else's: it may leave the person out where it was
    /// told which passkeys are meant.
    #[must_use]
    pub fn is_not_of(&self, user_id: &UserId) -> bool {
        self.0.get_user_unique_id().is_some() && !self.is_of(user_id)
    }
}

impl Used {
    /// Whose it is.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.known.user_id
    }
}

/// The user handle: the same for all passkeys of a person, and it says nothing about who it is
/// (section 14.6.1).
fn handle(id: &UserId) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(id.as_str())[..16]);
    Uuid::from_bytes(bytes)
}

/// As long as the step may take.
fn patience() -> std::time::Duration {
    std::time::Duration::from_secs(PATIENCE.0.unsigned_abs())
}

fn decode(credential_id: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(credential_id.as_bytes()).ok()
}

fn json(value: &impl Serialize) -> Result<Value, StorageError> {
    serde_json::to_value(value).map_err(|error| StorageError::Query(error.to_string()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, OAuthError> {
    serde_json::from_str(text).map_err(|_| wrong())
}

fn defect(error: &WebauthnError) -> StorageError {
    StorageError::Query(error.to_string())
}

fn refused(error: &WebauthnError) -> OAuthError {
    debug!(%error, "a passkey was refused");
    let why = match error {
        WebauthnError::UserNotVerified => {
            words!("The passkey did not check who you are. Set up a PIN, a finger or a face")
        }
        WebauthnError::CredentialPossibleCompromise => {
            words!("This passkey seems to have been copied. Remove it, and add a new one")
        }
        _ => return wrong(),
    };
    ErrorCode::AccessDenied.because(why)
}

fn wrong() -> OAuthError {
    ErrorCode::AccessDenied.because("The answer of the passkey was not right. Please try again")
}
