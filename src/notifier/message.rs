//! What is told, and the words for it.

use serde::Serialize;
use url::Url;

use super::lines::TEST;
use super::told::Told;
use crate::clock::UnixTime;
use crate::oauth::{ClientId, Issuer, ResourceUri, Scope, UserId, display_name};
use crate::storage::events::Recorded;
use crate::storage::{DbConnection, StorageError, clients, grants, resources, users};

/// One message. As JSON it is what a webhook is told.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The same for the same event, however often it is told.
    pub id: String,
    /// For programs.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// RFC 3339.
    pub at: String,
    /// A few words, all of them ours.
    pub title: &'static str,
    /// A sentence or two.
    pub text: String,
    /// A page of ours where there is more.
    pub url: String,
    /// Who tells.
    pub issuer: String,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// The host of the issuer.
    #[serde(skip)]
    pub host: String,
    /// How much it matters.
    #[serde(skip)]
    pub urgency: Urgency,
    /// A picture, by the name that ntfy knows it by.
    #[serde(skip)]
    pub tag: &'static str,
}

/// How much it matters that somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Some time.
    Normal,
    /// Soon.
    High,
}

impl Urgency {
    /// 1 to 5; 3 is the default.
    pub(super) fn of_ntfy(self) -> u8 {
        match self {
            Self::Normal => 3,
            Self::High => 4,
        }
    }
}

/// What an event is about, as far as it is known. Names have nothing in them that hides.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct About {
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// By name; none if the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The grant. As text, because it is longer than what JavaScript counts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// The MCP server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceUri>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// What the grant is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// One word more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Message {
    /// The message about an event, with the names of those it is about.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn of(
        conn: &mut DbConnection,
        (id, recorded): (i64, &Recorded),
        told: &Told,
        issuer: &Issuer,
    ) -> Result<Self, StorageError> {
        let about = About::of(conn, recorded)?;
        let text = (told.text)(&about);
        // Unique even when a database is made anew and counts from the beginning.
        let id = format!("evt_{id}_{}", recorded.at.0);
        Ok(Self { text, about, ..Self::new(id, told, recorded.at, issuer) })
    }

    /// A message that is about nothing, to see whether it arrives.
    #[must_use]
    pub fn test(issuer: &Issuer, now: UnixTime) -> Self {
        let id = format!("evt_test_{}", now.0);
        let about = About::default();
        let text = (TEST.text)(&about);
        Self { text, ..Self::new(id, &TEST, now, issuer) }
    }

    fn new(id: String, told: &Told, at: UnixTime, issuer: &Issuer) -> Self {
        let host =
            Url::parse(issuer.as_str()).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        Self {
            id,
            kind: told.kind,
            at: at.to_string(),
            title: told.title,
            text: String::new(),
            url: issuer.url(told.page),
            issuer: issuer.to_string(),
            about: About::default(),
            host: host.unwrap_or_default(),
            urgency: told.urgency,
            tag: told.tag,
        }
    }

    pub(super) fn to_json(&self) -> String {
        // There is nothing in it that cannot be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl About {
    fn of(conn: &mut DbConnection, recorded: &Recorded) -> Result<Self, StorageError> {
        let subject = recorded.subject.clone();
        let (mut client_name, mut username, mut resource_name, mut scope) =
            (None, None, None, None);
        if let Some(id) = &subject.client_id {
            client_name = clients::name(conn, id)?.and_then(|name| shown(&name));
        }
        if let Some(id) = &subject.user_id {
            username = users::find(conn, id)?.map(|user| user.username);
        }
        if let Some(uri) = &subject.resource {
            let name = resources::find_by_uri(conn, uri)?.and_then(|resource| resource.name);
            resource_name = name.and_then(|name| shown(&name));
        }
        if let Some(id) = subject.grant_id {
            scope = grants::find(conn, id)?.map(|grant| grant.scope);
        }
        Ok(Self {
            client_id: subject.client_id,
            client_name,
            user_id: subject.user_id,
            username,
            grant_id: subject.grant_id.map(|id| id.to_string()),
            resource: subject.resource,
            resource_name,
            scope,
            address: subject.address,
            detail: subject.detail,
        })
    }
}

/// A name that somebody has given himself, short enough to be read.
fn shown(name: &str) -> Option<String> {
    const LONGEST: usize = 80;
    let name = display_name(name)?;
    let mut short: String = name.chars().take(LONGEST).collect();
    if short.len() < name.len() {
        short.push('\u{2026}');
    }
    Some(short)
}
