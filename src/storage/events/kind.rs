//! What was decided, also where only a newer program knows what that is.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::Serialize;

use super::Event;

/// As the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(untagged)]
pub enum Kind {
    /// One of ours.
    Known(Event),
    /// The word of a newer program, which had this file before.
    Newer(String),
}

impl Kind {
    /// None for what a newer program has decided.
    #[must_use]
    pub fn known(&self) -> Option<Event> {
        match self {
            Self::Known(event) => Some(*event),
            Self::Newer(_) => None,
        }
    }
}

impl PartialEq<Event> for Kind {
    fn eq(&self, event: &Event) -> bool {
        self.known() == Some(*event)
    }
}

impl FromStr for Kind {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::Newer(text.to_owned()), Self::Known))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(event) => event.fmt(f),
            Self::Newer(text) => f.write_str(text),
        }
    }
}
