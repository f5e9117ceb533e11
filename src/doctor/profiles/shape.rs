//! Whether an answer in JSON is one for those who read it: zod, pydantic and serde refuse different
//! things, and what JavaScript takes without looking fails later.

use serde_json::{Map, Value};
use url::Url;

use super::profile::Reading::{self, Loose, Pydantic, Serde, Zod};

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// RFC 9728 section 2.
    Resource,
    /// RFC 8414 section 2.
    Server,
    /// RFC 7591 section 3.2.1.
    Client,
    /// RFC 6749 section 5.1.
    Token,
}

/// What a member has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Url,
    List,
    Number,
    /// zod coerces it: text that is a number will do.
    Coerced,
    Flag,
}

/// A member, and who cannot do without it.
type Member = (&'static str, Kind, &'static [Reading]);

const EVERYBODY: &[Reading] = &[Loose, Zod, Pydantic, Serde];

const RESOURCE: &[Member] = &[
    ("resource", Kind::Url, EVERYBODY),
    ("authorization_servers", Kind::List, EVERYBODY),
    ("scopes_supported", Kind::List, &[]),
    ("bearer_methods_supported", Kind::List, &[]),
    ("resource_name", Kind::Text, &[]),
];
const SERVER: &[Member] = &[
    ("issuer", Kind::Text, EVERYBODY),
    ("authorization_endpoint", Kind::Url, EVERYBODY),
    ("token_endpoint", Kind::Url, EVERYBODY),
    ("registration_endpoint", Kind::Url, &[]),
    ("revocation_endpoint", Kind::Url, &[]),
    ("response_types_supported", Kind::List, &[Zod]),
    ("scopes_supported", Kind::List, &[]),
    ("grant_types_supported", Kind::List, &[]),
    ("token_endpoint_auth_methods_supported", Kind::List, &[]),
    ("code_challenge_methods_supported", Kind::List, &[]),
    ("client_id_metadata_document_supported", Kind::Flag, &[]),
];
const CLIENT: &[Member] = &[
    ("client_id", Kind::Text, EVERYBODY),
    ("redirect_uris", Kind::List, &[Zod, Serde]),
    ("client_secret", Kind::Text, &[]),
    ("client_secret_expires_at", Kind::Number, &[]),
    ("client_name", Kind::Text, &[]),
    ("grant_types", Kind::List, &[]),
    ("scope", Kind::Text, &[]),
    ("token_endpoint_auth_method", Kind::Text, &[]),
];
const TOKEN: &[Member] = &[
    ("access_token", Kind::Text, EVERYBODY),
    ("token_type", Kind::Text, &[Loose, Zod, Serde]),
    ("expires_in", Kind::Coerced, &[]),
    ("refresh_token", Kind::Text, &[]),
    ("scope", Kind::Text, &[]),
];

impl Document {
    fn members(self) -> &'static [Member] {
        match self {
            Self::Resource => RESOURCE,
            Self::Server => SERVER,
            Self::Client => CLIENT,
            Self::Token => TOKEN,
        }
    }

    /// The object, if those who read like this can use it; else what they say of it.
    ///
    /// # Errors
    /// What is wrong with it, in a few words and without any of its values.
    pub fn read(self, reading: Reading, body: &[u8]) -> Result<Map<String, Value>, String> {
        let value: Value = serde_json::from_slice(body).map_err(|_| "it is not JSON".to_owned())?;
        let Value::Object(object) = value else {
            return Err("it is not a JSON object".to_owned());
        };
        for (name, kind, needed) in self.members() {
            let is_needed = needed.contains(&reading);
            match object.get(*name) {
                None if is_needed => return Err(format!("{name} is missing")),
                Some(Value::Null) if is_needed || reading == Zod => {
                    return Err(format!("{name} is null"));
                }
                None | Some(Value::Null) => {}
                Some(value) if is(value, *kind, reading) => {}
                Some(_) => return Err(format!("{name} is not {}", kind.words())),
            }
        }
        Ok(object)
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Url => "a URL",
            Self::List => "a list of text",
            Self::Number | Self::Coerced => "a number",
            Self::Flag => "true or false",
        }
    }
}

fn is(value: &Value, kind: Kind, reading: Reading) -> bool {
    let numeric = || value.as_str().is_some_and(|text| text.parse::<u64>().is_ok());
    match kind {
        // A list is used as one by everybody; other kinds are not looked at in JavaScript.
        Kind::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        _ if reading == Loose => true,
        Kind::Text => value.is_string(),
        Kind::Url => value.as_str().is_some_and(|text| Url::parse(text).is_ok()),
        Kind::Number => value.is_number() || reading == Pydantic && numeric(),
        Kind::Coerced => value.is_number() || reading != Serde && numeric(),
        Kind::Flag => value.is_boolean(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: Document, body: &str) -> Vec<Reading> {
        let readings = [Loose, Zod, Pydantic, Serde];
        readings
            .into_iter()
            .filter(|reading| document.read(*reading, body.as_bytes()).is_err())
            .collect()
    }

    #[test]
    fn each_reads_as_its_own_parser_does() {
        let token = |rest: &str| format!(r#"{{"access_token":"a","token_type":"Bearer"{rest}}}"#);
        let client = |rest: &str| format!(r#"{{"client_id":"a"{rest}}}"#);
        let cases = [
            (Document::Token, token(""), vec![]),
            (Document::Token, token(r#","expires_in":3600,"more":null"#), vec![]),
            (Document::Token, token(r#","scope":null"#), vec![Zod]),
            (Document::Token, token(r#","expires_in":"3600""#), vec![Serde]),
            (Document::Token, token(r#","expires_in":"soon""#), vec![Zod, Pydantic, Serde]),
            (Document::Token, r#"{"access_token":"a"}"#.to_owned(), vec![Loose, Zod, Serde]),
            (Document::Token, "[]".to_owned(), EVERYBODY.to_vec()),
            (Document::Token, "<html>".to_owned(), EVERYBODY.to_vec()),
            (Document::Client, client(r#","redirect_uris":["https://a"]"#), vec![]),
            (Document::Client, client(""), vec![Zod, Serde]),
            (Document::Client, client(r#","redirect_uris":["a"],"scope":null"#), vec![Zod]),
            (Document::Resource, r#"{"resource":"https://a"}"#.to_owned(), EVERYBODY.to_vec()),
        ];
        for (document, body, refusing) in cases {
            assert_eq!(refused(document, &body), refusing, "{body}");
        }
    }

    #[test]
    fn what_is_said_of_an_answer_has_none_of_its_values() {
        let body = br#"{"access_token":["secret"],"token_type":"Bearer"}"#;
        let said = Document::Token.read(Zod, body).unwrap_err();
        assert_eq!(said, "access_token is not text");
    }
}
