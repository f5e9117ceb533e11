//! `client list` and `client show`.

use serde::Serialize;
use serde_json::Value;

use super::{Failure, no_such_client, output};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, ClientMetadata, Scope};
use crate::storage::clients::{self, Client};
use crate::storage::{ClientOrigin, DocumentSource, Storage, client_documents};

#[derive(Serialize)]
pub(super) struct Shown {
    client_id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    origin: ClientOrigin,
    created_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<UnixTime>,
    disabled: bool,
    /// Of one that is known by a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Described>,
    /// Several installations have registered it, and may have it.
    shared: bool,
    /// Since when it waits for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling: Option<Scope>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

/// Where the metadata in force is from.
#[derive(Serialize)]
struct Described {
    source: DocumentSource,
    fetched_at: UnixTime,
}

impl Shown {
    pub(super) fn new(client: Client, client_secret: Option<String>) -> Self {
        Self {
            shared: client.is_shared(),
            waiting_since: client.asked_at.filter(|_| client.is_waiting()),
            approved_at: client.approved_at,
            client_id: client.client_id,
            client_secret,
            origin: client.origin,
            created_at: client.created_at,
            last_used_at: client.last_used_at,
            disabled: client.disabled_at.is_some(),
            document: None,
            ceiling: client.ceiling,
            metadata: client.metadata,
        }
    }
}

/// All of them, or those that wait for the owner.
pub(super) async fn list(storage: &Storage, waiting: bool, json: bool) -> Result<(), Failure> {
    let mut all: Vec<Client> = vec![];
    loop {
        let after = all.last().map(|client| client.client_id.to_string()).unwrap_or_default();
        let page = storage.read(|conn| clients::list(conn, &after, 100)).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    all.retain(|client| !waiting || client.is_waiting());
    if json {
        let shown: Vec<_> = all.into_iter().map(|client| Shown::new(client, None)).collect();
        return output::json(&shown);
    }
    let row = |client: &Client| {
        let name = client.metadata.client_name.clone().unwrap_or_default();
        let used = client.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let state = match client.disabled_at {
            Some(_) => "disabled",
            None if client.is_waiting() => "waiting",
            None => "enabled",
        };
        [client.client_id.to_string(), name, client.origin.to_string(), used, state.to_owned()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    output::table(["CLIENT ID", "NAME", "ORIGIN", "LAST USED", "STATE"], &rows)
}

/// One of them, with its metadata.
pub(super) async fn one(storage: &Storage, id: &ClientId, json: bool) -> Result<(), Failure> {
    let client = storage.read(|conn| clients::find(conn, id)).await?.ok_or_else(no_such_client)?;
    let copy = storage.read(|conn| client_documents::find(conn, id)).await?;
    let document = copy.map(|copy| Described { source: copy.source, fetched_at: copy.fetched_at });
    let shown = Shown { document, ..Shown::new(client, None) };
    let mut shown = serde_json::to_value(shown).map_err(std::io::Error::from)?;
    if json {
        return output::json(&shown);
    }
    if let Some(members) = shown.as_object_mut() {
        members.remove("client_id");
    }
    output::table(["CLIENT ID", id.as_str()], &rows("", &shown))
}

/// A row for each value, as people read it.
fn rows(name: &str, value: &Value) -> Vec<[String; 2]> {
    let is_time = name.ends_with("_at") || name.ends_with("_since");
    let text = match value {
        Value::Array(items) => return items.iter().flat_map(|item| rows(name, item)).collect(),
        Value::Object(members) => {
            let full = |member: &str| format!("{name} {member}").trim_start().to_owned();
            return members.iter().flat_map(|(member, value)| rows(&full(member), value)).collect();
        }
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        other => match other.as_i64().filter(|_| is_time) {
            Some(at) => UnixTime(at).to_string(),
            None => other.to_string(),
        },
    };
    vec![[name.to_owned(), text]]
}
