// @generated automatically by Diesel CLI.

diesel::table! {
    attempts (id) {
        id -> BigInt,
        started_at -> BigInt,
        last_at -> BigInt,
        network -> Text,
        agent -> Text,
        client_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        resource -> Nullable<Text>,
        known -> Bool,
        request_id -> Nullable<BigInt>,
        code_id -> Nullable<BigInt>,
        grant_id -> Nullable<BigInt>,
        refresh_id -> Nullable<BigInt>,
        story -> Text,
    }
}

diesel::table! {
    authorization_requests (id) {
        id -> BigInt,
        hash -> Binary,
        client_id -> Text,
        redirect_uri -> Text,
        state -> Nullable<Text>,
        code_challenge -> Text,
        scope -> Text,
        resource -> Text,
        fresh_sign_in -> Bool,
        created_at -> BigInt,
        expires_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        code_id -> Nullable<BigInt>,
        issuer -> Nullable<Text>,
    }
}

diesel::table! {
    client_documents (client_id) {
        client_id -> Text,
        document -> Text,
        source -> Text,
        fetched_at -> BigInt,
        fresh_until -> BigInt,
        approves -> Bool,
    }
}

diesel::table! {
    clock (id) {
        id -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        client_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        grant_id -> Nullable<BigInt>,
        resource -> Nullable<Text>,
        address -> Nullable<Text>,
        detail -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    identities (provider, subject) {
        provider -> Text,
        subject -> Text,
        user_id -> Text,
        label -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    issuers (issuer) {
        issuer -> Text,
        left_at -> Nullable<BigInt>,
        kept_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    notification_channels (channel) {
        channel -> Text,
        event_id -> BigInt,
        attempts -> BigInt,
        next_attempt_at -> BigInt,
    }
}

diesel::table! {
    oauth_clients (client_id) {
        client_id -> Text,
        client_json -> Text,
        created_at -> BigInt,
        secret_hash -> Nullable<Binary>,
        origin -> Text,
        authorized_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        name -> Text,
        registration_token_hash -> Nullable<Binary>,
        fingerprint -> Nullable<Binary>,
        registered_from -> Nullable<Text>,
        registered_at -> Nullable<BigInt>,
        asked_at -> Nullable<BigInt>,
        asked_by -> Nullable<Text>,
        approved_at -> Nullable<BigInt>,
        ceiling -> Nullable<Text>,
    }
}

diesel::table! {
    oauth_codes (id) {
        id -> BigInt,
        hash -> Binary,
        client_id -> Text,
        user_id -> Text,
        redirect_uri -> Text,
        code_challenge -> Text,
        scope -> Text,
        resource -> Text,
        expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
        grant_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_grants (id) {
        id -> BigInt,
        client_id -> Text,
        user_id -> Text,
        scope -> Text,
        resource -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        tokens_until -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoked_because -> Nullable<Text>,
        last_used_address -> Nullable<Text>,
        imported -> Bool,
    }
}

diesel::table! {
    oauth_refresh_tokens (id) {
        id -> BigInt,
        hash -> Binary,
        grant_id -> BigInt,
        previous -> Nullable<BigInt>,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        salt -> Nullable<Binary>,
        successor_id -> Nullable<BigInt>,
        access_id -> Nullable<BigInt>,
        confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_tokens (id) {
        id -> BigInt,
        hash -> Binary,
        grant_id -> BigInt,
        generation -> Nullable<BigInt>,
        scope -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    one_time_links (id) {
        id -> BigInt,
        hash -> Binary,
        purpose -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
        user_id -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    passkeys (credential_id) {
        credential_id -> Text,
        user_id -> Text,
        name -> Text,
        passkey -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        host -> Nullable<Text>,
    }
}

diesel::table! {
    recovery_codes (user_id, hash) {
        user_id -> Text,
        hash -> Binary,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    registration_tokens (id) {
        id -> BigInt,
        hash -> Binary,
        name -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        uses_left -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    resource_people (resource, user_id) {
        resource -> Text,
        user_id -> Text,
        scope -> Nullable<Text>,
    }
}

diesel::table! {
    resource_rules (id) {
        id -> BigInt,
        resource -> Text,
        kind -> Text,
        scope -> Text,
        method -> Text,
        name -> Text,
        declared -> Bool,
    }
}

diesel::table! {
    resources (id) {
        id -> Text,
        uri -> Text,
        canonical -> Text,
        name -> Nullable<Text>,
        secret_hash -> Nullable<Binary>,
        previous_secret_hash -> Nullable<Binary>,
        previous_secret_until -> Nullable<BigInt>,
        created_at -> BigInt,
        position -> BigInt,
        paused_at -> Nullable<BigInt>,
        audience -> Text,
        scope -> Nullable<Text>,
        ended_up_to -> Nullable<BigInt>,
        narrowed_up_to -> Nullable<BigInt>,
        scopes -> Nullable<Text>,
    }
}

diesel::table! {
    schema_version (id) {
        id -> BigInt,
        version -> BigInt,
        oldest_allowed -> BigInt,
    }
}

diesel::table! {
    seen_documents (user_id, client_id) {
        user_id -> Text,
        client_id -> Text,
        metadata -> Text,
        seen_at -> BigInt,
    }
}

diesel::table! {
    serving_processes (id) {
        id -> BigInt,
        beats -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        hash -> Binary,
        user_id -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        method -> Text,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    sign_in_places (user_id, network) {
        user_id -> Text,
        network -> Text,
        last_seen_at -> BigInt,
    }
}

diesel::table! {
    sign_ins (id) {
        id -> BigInt,
        hash -> Binary,
        step -> Text,
        user_id -> Nullable<Text>,
        method -> Nullable<Text>,
        detail -> Text,
        goal -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    totp_secrets (user_id) {
        user_id -> Text,
        secret -> Binary,
        created_at -> BigInt,
        last_step -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        username -> Text,
        password_hash -> Nullable<Text>,
        role -> Text,
        created_at -> BigInt,
        last_authorized_at -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        passkey_required -> Bool,
        last_signed_in_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    attempts,
    authorization_requests,
    client_documents,
    clock,
    events,
    identities,
    issuers,
    notification_channels,
    oauth_clients,
    oauth_codes,
    oauth_grants,
    oauth_refresh_tokens,
    oauth_tokens,
    one_time_links,
    passkeys,
    recovery_codes,
    registration_tokens,
    resource_people,
    resource_rules,
    resources,
    schema_version,
    seen_documents,
    serving_processes,
    sessions,
    sign_in_places,
    sign_ins,
    totp_secrets,
    users,
);
