//! Every table that travels, with its columns as they are in `schema`.

use argon2::password_hash::phc::PasswordHash;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use serde::{Deserialize, Serialize};

use super::{Blob, Reads, is_null};
use crate::mcp::{Pattern, RuleKind};
use crate::oauth::{
    ClientId, ClientMetadata, CodeChallenge, IntrospectionId, RedirectUri, ResourceUri, Salt,
    Scope, TokenHash, UserId,
};
use crate::storage::{
    Audience, ClientOrigin, DbConnection, DocumentSource, RevokedBecause, Role, StorageError,
    schema,
};

portable! {
    Passkeys = passkeys (credential_id) {
        credential_id: String,
        user_id: String => UserId,
        name: String,
        passkey: String,
        created_at: i64,
        last_used_at: Option<i64>,
        host: Option<String>,
    }
    TotpSecrets = totp_secrets (user_id) {
        user_id: String => UserId,
        secret: Blob,
        created_at: i64,
        last_step: i64,
    }
    RecoveryCodes = recovery_codes (user_id, hash) {
        user_id: String => UserId,
        hash: Blob => TokenHash,
        used_at: Option<i64>,
    }
    Identities = identities (provider, subject) {
        provider: String,
        subject: String,
        user_id: String => UserId,
        label: String,
        created_at: i64,
        last_used_at: Option<i64>,
    }
    SignInPlaces = sign_in_places (user_id, network) {
        user_id: String => UserId,
        network: String,
        last_seen_at: i64,
    }
    SeenDocuments = seen_documents (user_id, client_id) {
        user_id: String => UserId,
        client_id: String => ClientId,
        metadata: String => ClientMetadata,
        seen_at: i64,
    }
    Users = users (id) {
        id: String => UserId,
        username: String,
        password_hash: Option<String> => PasswordHash,
        role: String => Role,
        created_at: i64,
        last_authorized_at: Option<i64>,
        disabled_at: Option<i64>,
        passkey_required: bool,
        last_signed_in_at: Option<i64>,
    }
    ResourcePeople = resource_people (resource, user_id) {
        resource: String => ResourceUri,
        user_id: String => UserId,
        scope: Option<String> => Scope,
    }
    ResourceRules = resource_rules (id) {
        // Counted up by each database for itself.
        #[diesel(skip_insertion)]
        id: i64,
        resource: String => ResourceUri,
        kind: String => RuleKind,
        scope: String => Scope,
        method: String => Pattern,
        name: String => Pattern,
        declared: bool,
    }
    Resources = resources (id) {
        id: String => IntrospectionId,
        uri: String => ResourceUri,
        canonical: String => ResourceUri,
        name: Option<String>,
        secret_hash: Option<Blob> => TokenHash,
        previous_secret_hash: Option<Blob> => TokenHash,
        previous_secret_until: Option<i64>,
        created_at: i64,
        position: i64,
        paused_at: Option<i64>,
        audience: String => Audience,
        scope: Option<String> => Scope,
        ended_up_to: Option<i64>,
        narrowed_up_to: Option<i64>,
        scopes: Option<String> => Scope,
    }
    ClientDocuments = client_documents (client_id) {
        client_id: String => ClientId,
        document: String,
        source: String => DocumentSource,
        fetched_at: i64,
        fresh_until: i64,
        approves: bool,
    }
    OauthClients = oauth_clients (client_id) {
        client_id: String => ClientId,
        client_json: String => ClientMetadata,
        created_at: i64,
        secret_hash: Option<Blob> => TokenHash,
        origin: String => ClientOrigin,
        authorized_at: Option<i64>,
        last_used_at: Option<i64>,
        disabled_at: Option<i64>,
        name: String,
        registration_token_hash: Option<Blob> => TokenHash,
        fingerprint: Option<Blob> => TokenHash,
        registered_from: Option<String>,
        registered_at: Option<i64>,
        asked_at: Option<i64>,
        asked_by: Option<String> => UserId,
        approved_at: Option<i64>,
        ceiling: Option<String> => Scope,
    }
    RegistrationTokens = registration_tokens (id) {
        id: i64,
        hash: Blob => TokenHash,
        name: String,
        created_at: i64,
        expires_at: Option<i64>,
        uses_left: Option<i64>,
        last_used_at: Option<i64>,
    }
    OauthGrants = oauth_grants (id) {
        id: i64,
        client_id: String => ClientId,
        user_id: String => UserId,
        scope: String => Scope,
        resource: String => ResourceUri,
        created_at: i64,
        last_used_at: i64,
        expires_at: i64,
        tokens_until: i64,
        revoked_at: Option<i64>,
        revoked_because: Option<String> => RevokedBecause,
        last_used_address: Option<String>,
        imported: bool,
    }
    OauthCodes = oauth_codes (id) {
        id: i64,
        hash: Blob => TokenHash,
        client_id: String => ClientId,
        user_id: String => UserId,
        redirect_uri: String => RedirectUri,
        code_challenge: String => CodeChallenge,
        scope: String => Scope,
        resource: String => ResourceUri,
        expires_at: i64,
        redeemed_at: Option<i64>,
        grant_id: Option<i64>,
    }
    OauthRefreshTokens = oauth_refresh_tokens (id) {
        id: i64,
        hash: Blob => TokenHash,
        grant_id: i64,
        previous: Option<i64>,
        expires_at: i64,
        used_at: Option<i64>,
        salt: Option<Blob> => Salt,
        successor_id: Option<i64>,
        access_id: Option<i64>,
        confirmed_at: Option<i64>,
    }
    OauthTokens = oauth_tokens (id) {
        id: i64,
        hash: Blob => TokenHash,
        grant_id: i64,
        generation: Option<i64>,
        scope: String => Scope,
        issued_at: i64,
        expires_at: i64,
    }
}
