//! Request metadata headers: MCP 2026-07-28, Streamable HTTP, "Request Metadata".

use data_encoding::BASE64;

/// The revisions whose servers must refuse a request that says one thing in its headers and another
/// in its body. A header of any other revision is nobody's promise.
const VALIDATING_REVISIONS: [&str; 1] = ["2026-07-28"];

/// The methods whose requests must have `Mcp-Name`. Of no other do servers look at it.
const NAMED_METHODS: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

/// The longest header that is looked at, in bytes.
const LONGEST: usize = 2048;

/// What a request asks an MCP server to do, as far as its headers say, and the server checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    method: String,
    name: Option<String>,
}

impl Call {
    /// Reads `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`, each given once or not at all.
    ///
    /// # Errors
    /// Why nothing can be decided by them, for people.
    pub fn from_headers(
        protocol_version: Option<&str>,
        method: Option<&str>,
        name: Option<&str>,
    ) -> Result<Self, &'static str> {
        if !protocol_version.is_some_and(|version| VALIDATING_REVISIONS.contains(&version)) {
            return Err("this MCP server needs MCP-Protocol-Version 2026-07-28 for its rules");
        }
        let method = method.ok_or("Mcp-Method is missing")?;
        if !is_method(method) {
            return Err("Mcp-Method is malformed");
        }
        let name = is_named(method).then(|| decode(name.ok_or("Mcp-Name is missing")?));
        Ok(Self { method: method.to_owned(), name: name.transpose()? })
    }

    /// `Mcp-Method`
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// `Mcp-Name`, where it is more than the client's word.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Whether calls of this method have a name.
pub(super) fn is_named(method: &str) -> bool {
    NAMED_METHODS.contains(&method)
}

/// Whether this can be a method, or a pattern of some: not a list, nor anything encoded.
pub(super) fn is_method(text: &str) -> bool {
    is_plain(text) && !text.starts_with("=?") && !text.contains([',', ' '])
}

/// "Value Encoding". What begins like the sentinel and is not exactly one is refused, for a server
/// might be kinder to it than the specification is; a comma, because some proxies join repeated
/// headers by it, of which a server may look at one only.
fn decode(value: &str) -> Result<String, &'static str> {
    if !is_plain(value) {
        return Err("Mcp-Name is malformed");
    }
    if value.contains(',') {
        return Err("Mcp-Name with a comma cannot be told from two: it has to be sent as Base64");
    }
    if !value.starts_with("=?") {
        return Ok(value.to_owned());
    }
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    // Written again it has to be the same: two encodings in a row are read by some up to the first end.
    let exact = |bytes: &Vec<u8>| Some(BASE64.encode(bytes).as_str()) == encoded;
    let bytes = encoded.and_then(|encoded| BASE64.decode(encoded.as_bytes()).ok()).filter(exact);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or("Mcp-Name is malformed")
}

/// Visible ASCII with spaces inside: RFC 9110 section 5.5, less the tab.
fn is_plain(value: &str) -> bool {
    let visible = value.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
    (1..=LONGEST).contains(&value.len()) && visible && value.trim() == value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, name: Option<&str>) -> Result<Call, &'static str> {
        Call::from_headers(Some("2026-07-28"), Some(method), name)
    }

    #[test]
    fn names_are_decoded() {
        for (value, name) in [
            ("get_page", "get_page"),
            ("file:///a b?c", "file:///a b?c"),
            ("=?base64?U2VpdGUgbMO2c2NoZW4=?=", "Seite löschen"),
            ("=?base64?YSxi?=", "a,b"),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
        ] {
            let call = call("tools/call", Some(value)).unwrap();
            assert_eq!(call.name(), Some(name), "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for name in [
            "",
            " ",
            "\u{e4}",
            "a\tb",
            "get_page,delete_page",
            "=?base64?%?=",
            "=?BASE64?ZGVsZXRl?=",
            "=?base64?ZGVsZXRl",
            "=?base64?/w==?=",
            "=?base64?ZGVsZXRl ?=",
            "=?base64?ZGVsZXR?=",
            "=?base64?ZGVsZXRlX3BhZ2U=eA==?=",
            &"x".repeat(2049),
        ] {
            assert!(call("tools/call", Some(name)).is_err(), "{name:?}");
        }
        for method in ["", "tools/call,tools/list", "tools call", "=?base64?dG9vbHM=?=", "ä"] {
            assert!(call(method, Some("x")).is_err(), "{method:?}");
        }
    }

    #[test]
    fn a_name_is_looked_at_only_where_servers_check_it() {
        for method in NAMED_METHODS {
            assert_eq!(call(method, None), Err("Mcp-Name is missing"));
        }
        for name in [None, Some("file:///public/a"), Some("a,b")] {
            assert_eq!(call("resources/subscribe", name).unwrap().name(), None, "{name:?}");
        }
    }

    #[test]
    fn other_revisions_promise_nothing() {
        for version in [None, Some("2025-11-25"), Some("2026-07-28 "), Some("9999-01-01")] {
            let refused = Call::from_headers(version, Some("tools/call"), Some("x"));
            assert!(refused.unwrap_err().contains("2026-07-28"), "{version:?}");
        }
    }
}
