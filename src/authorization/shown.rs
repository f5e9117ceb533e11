//! What a page has shown of what it asks about, in letters that come back with the answer: a yes
//! is not taken for something else that has come about while somebody was reading.

use data_encoding::HEXLOWER;

use crate::oauth::{ClientMetadata, Scope, TokenHash};

/// Of a client: all that it says of itself.
#[must_use]
pub fn client(client: &ClientMetadata) -> String {
    letters(&client.to_string())
}

/// Of a client, and of what a yes gives it.
#[must_use]
pub fn question(client: &ClientMetadata, scope: &Scope) -> String {
    letters(&format!("{scope}\n{client}"))
}

/// So many that nobody finds two texts that have the same.
fn letters(text: &str) -> String {
    HEXLOWER.encode(&TokenHash::of(text).0[..16])
}
