//! Where a page of a list begins. It travels through a URL, so it is read as typed values or not at
//! all. It needs no proof of being ours: whoever writes another one sees another place of a list that
//! is open to him anyway.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// The row behind which a page begins: what the list is sorted by, and its own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    key: Key,
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

impl Cursor {
    pub(super) fn by_text(key: String, id: &impl ToString) -> Self {
        Self { key: Key::Text(key), id: id.to_string() }
    }

    pub(super) fn by_number(key: i64, id: &impl ToString) -> Self {
        Self { key: Key::Number(key), id: id.to_string() }
    }

    /// Nothing if the list was sorted otherwise when this was made.
    pub(super) fn text<Id: FromStr>(&self) -> Option<(String, Id)> {
        let Key::Text(key) = &self.key else { return None };
        Some((key.clone(), self.id.parse().ok()?))
    }

    /// Nothing if the list was sorted otherwise when this was made.
    pub(super) fn number<Id: FromStr>(&self) -> Option<(i64, Id)> {
        let Key::Number(key) = &self.key else { return None };
        Some((*key, self.id.parse().ok()?))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        f.write_str(&BASE64URL_NOPAD.encode(&json))
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const LONGEST: usize = 8192;
        let refuse = |()| "is no place in a list";
        if text.len() > LONGEST {
            return Err(refuse(()));
        }
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| refuse(()))?;
        serde_json::from_slice(&json).map_err(|_| refuse(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_url_and_keeps_its_kind() {
        let cursor = Cursor::by_text("ada\" 'x'".to_owned(), &"id");
        let read: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(read, cursor);
        assert_eq!(read.text(), Some(("ada\" 'x'".to_owned(), "id".to_owned())));
        assert_eq!(read.number::<String>(), None);
        let cursor: Cursor = Cursor::by_number(-1, &7).to_string().parse().unwrap();
        assert_eq!((cursor.number(), cursor.text::<i64>()), (Some((-1, 7_i64)), None));
        assert_eq!(Cursor::by_number(1, &"x").number::<i64>(), None);
    }

    #[test]
    fn anything_else_is_no_cursor() {
        let null = BASE64URL_NOPAD.encode(b"null");
        let float = BASE64URL_NOPAD.encode(br#"{"key":1.5,"id":"1"}"#);
        for text in ["", "x", "1' OR '1'='1", &null, &float, &"A".repeat(9000)] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
