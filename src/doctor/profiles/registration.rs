//! How the client gets its `client_id`: a document of its vendor's where the server takes one, else
//! RFC 7591.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use super::authorization::scope;
use super::discovery::Found;
use super::profile::{Condition, Document, Dynamic, Echo, RegisteredScope};
use super::replay::Replay;
use super::shape;
use super::wire::Request;
use crate::doctor::Finding;

const CHECK: &str = "registration";

/// The client, as the server knows it.
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Option<SecretString>,
    /// `token_endpoint_auth_method` in force.
    pub method: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// What makes the registration undone: RFC 7592.
    pub management: Option<(Url, SecretString)>,
    /// Whether it was registered here, under which name.
    pub registered: Option<String>,
}

/// Becomes a client.
///
/// # Errors
/// What would stop the client.
pub async fn register(replay: &mut Replay<'_>, found: &Found) -> Result<Client, Finding> {
    let ways = replay.profile.registration;
    let taken = found.promises("client_id_metadata_document_supported");
    let document = ways.documents.iter().find(|document| taken && applies(document.on, found));
    if let Some(document) = document {
        return from_document(replay, found, document);
    }
    let product = replay.profile.product;
    match (ways.dynamic, found.endpoint("registration_endpoint")) {
        (Some(dynamic), Some(endpoint)) => {
            if !ways.documents.is_empty() && taken {
                let why = "does not use its document here, because `none` is not offered";
                replay.fine(CHECK, format!("{product} {why}"));
            }
            dynamically(replay, found, (&dynamic, &endpoint)).await
        }
        (Some(_), None) => {
            let says = format!("{product} may neither use a document nor register");
            let mend = "set MCP_OAUTH_CLIENT_DOCUMENTS or MCP_OAUTH_REGISTRATION";
            Err(Finding::wrong(CHECK, says, mend))
        }
        (None, _) => {
            let says =
                format!("{product} has nothing but its document, and documents are not taken");
            Err(Finding::wrong(CHECK, says, "set MCP_OAUTH_CLIENT_DOCUMENTS=on"))
        }
    }
}

fn applies(condition: Condition, found: &Found) -> bool {
    match condition {
        Condition::Always => true,
        Condition::PublicClients => found.lists("token_endpoint_auth_methods_supported", "none"),
        Condition::IssuerInResponse => {
            found.promises("authorization_response_iss_parameter_supported")
        }
    }
}

fn from_document(
    replay: &mut Replay<'_>,
    found: &Found,
    document: &Document,
) -> Result<Client, Finding> {
    let id = replay.fill(document.id);
    if document.keys && !found.lists("token_endpoint_auth_methods_supported", "none") {
        let says = format!("{id} would use its keys, since `none` is not offered");
        let mend = "let the proxy pass token_endpoint_auth_methods_supported as it is";
        return Err(Finding::wrong(CHECK, says, mend));
    }
    replay.fine(CHECK, format!("{} names itself by its document, {id}", replay.profile.product));
    Ok(Client {
        id,
        secret: None,
        method: "none".to_owned(),
        redirect_uri: replay.fill(document.redirect_uri),
        management: None,
        registered: None,
    })
}

async fn dynamically(
    replay: &mut Replay<'_>,
    found: &Found,
    (dynamic, endpoint): (&Dynamic, &Url),
) -> Result<Client, Finding> {
    let wrong = |says: String, mend: &str| Finding::wrong(CHECK, says, mend);
    let name = format!("{} (doctor)", dynamic.client_name);
    let body = body(replay, found, dynamic, &name);
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    let request = Request { method: Method::POST, url: endpoint, headers: &headers };
    let answer = replay.wire.ask(request, |builder| builder.body(body.to_string())).await;
    let product = replay.profile.product;
    let answer = answer.map_err(|lost| {
        wrong(format!("{product} cannot register: {lost}"), "let the proxy pass it to the service")
    })?;
    if !matches!(answer.status, 200 | 201) {
        let says = format!("{product} is not registered: {}", answer.refusal());
        return Err(wrong(
            says,
            "see the reason; MCP_OAUTH_REGISTRATION and MCP_OAUTH_CLIENTS say who may",
        ));
    }
    let read = shape::Document::Client.read(replay.profile.reading, &answer.body);
    let read = read.map_err(|why| {
        let says = format!("{product} cannot use the answer of {endpoint}: {why}");
        wrong(says, "let the proxy pass the answer as it is")
    })?;
    let client = client(replay, dynamic, (&read, name));
    accepted(&client, dynamic).map_err(|why| {
        let says = format!("{product} refuses the registration that it was given: {why}");
        wrong(says, "let the proxy pass the answer as it is")
    })?;
    replay.fine(CHECK, format!("{product} is registered with the method {}", client.method));
    Ok(client)
}

fn body(replay: &Replay<'_>, found: &Found, dynamic: &Dynamic, name: &str) -> Value {
    let redirect_uris: Vec<_> = dynamic.redirect_uris.iter().map(|uri| replay.fill(uri)).collect();
    // Visual Studio Code registers those of its grants that the server has.
    let known = |grant: &&&str| {
        !grant.starts_with("urn:")
            || !found.server.contains_key("grant_types_supported")
            || found.lists("grant_types_supported", grant)
    };
    let grant_types: Vec<_> = dynamic.grant_types.iter().filter(known).collect();
    let mut body = json!({
        "client_name": name,
        "redirect_uris": redirect_uris,
        "grant_types": grant_types,
        "response_types": ["code"],
    });
    let scope = match dynamic.scope {
        RegisteredScope::Asked => scope(replay, found),
        RegisteredScope::Empty => Some(String::new()),
        RegisteredScope::Absent => None,
    };
    let optional = [
        ("token_endpoint_auth_method", dynamic.method.map(str::to_owned)),
        ("application_type", dynamic.application_type.map(str::to_owned)),
        ("scope", scope),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            body[member] = value.into();
        }
    }
    for (member, value) in dynamic.others {
        body[*member] = (*value).into();
    }
    body
}

fn client(
    replay: &Replay<'_>,
    dynamic: &Dynamic,
    (read, name): (&Map<String, Value>, String),
) -> Client {
    let text = |member: &str| {
        let text = read.get(member).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let uri = text("registration_client_uri").and_then(|uri| Url::parse(&uri).ok());
    let asked = dynamic.method.unwrap_or("client_secret_basic");
    Client {
        id: text("client_id").unwrap_or_default(),
        secret: text("client_secret").map(Into::into),
        method: text("token_endpoint_auth_method").unwrap_or_else(|| asked.to_owned()),
        redirect_uri: replay.fill(dynamic.redirect_uris.last().copied().unwrap_or_default()),
        management: uri.zip(text("registration_access_token").map(Into::into)),
        registered: Some(name),
    }
}

fn accepted(client: &Client, dynamic: &Dynamic) -> Result<(), String> {
    let with_secret = client.method.starts_with("client_secret");
    match dynamic.echo {
        Echo::AsAsked if dynamic.method.is_some_and(|asked| asked != client.method) => {
            Err(format!("the method is {} and not the one that was asked for", client.method))
        }
        Echo::WithItsSecret if with_secret && client.secret.is_none() => {
            Err(format!("the method is {}, and there is no secret", client.method))
        }
        _ => Ok(()),
    }
}
