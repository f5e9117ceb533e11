//! Request metadata headers: MCP 2026-07-28, Streamable HTTP, "Request Metadata".

use data_encoding::BASE64;

/// The revisions whose servers must refuse a request that says one thing in its headers and another
/// in its body. A header of any other revision is nobody's promise.
const VALIDATING_REVISIONS: [&str; 1] = ["2026-07-28"];

/// The methods whose requests must have `Mcp-Name`.
const NAMED_METHODS: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

/// What a request asks an MCP server to do, as far as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    method: String,
    /// Every reading of `Mcp-Name`; empty when the method has none.
    names: Vec<String>,
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
        // A list of two headers, joined on the way, is not one method.
        if !is_plain(method) || method.starts_with("=?") || method.contains(',') {
            return Err("Mcp-Method is malformed");
        }
        let names = match name {
            Some(name) => readings(name).ok_or("Mcp-Name is malformed")?,
            None if NAMED_METHODS.contains(&method) => return Err("Mcp-Name is missing"),
            None => vec![],
        };
        Ok(Self { method: method.to_owned(), names })
    }

    /// `Mcp-Method`
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Every name that the server could take this call to have; one that is empty for a method
    /// without names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let none = self.names.is_empty().then_some("");
        self.names.iter().map(String::as_str).chain(none)
    }
}

/// The value and, because some proxies join repeated headers by commas and a server may then look
/// at one of them only, each part of it.
fn readings(value: &str) -> Option<Vec<String>> {
    let whole = decode(value)?;
    let parts = value.split(',').map(str::trim).map(decode);
    let mut readings =
        if value.contains(',') { parts.collect::<Option<Vec<_>>>()? } else { vec![] };
    readings.push(whole);
    Some(readings)
}

/// "Value Encoding": what begins like the sentinel and is not exactly one is refused, for a server
/// might be kinder to it than the specification is.
fn decode(value: &str) -> Option<String> {
    if !is_plain(value) {
        return None;
    }
    if !value.starts_with("=?") {
        return Some(value.to_owned());
    }
    let encoded = value.strip_prefix("=?base64?")?.strip_suffix("?=")?;
    String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()
}

/// Visible ASCII with spaces inside: RFC 9110 section 5.5, less the tab.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.trim() == value
        && value.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
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
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
        ] {
            let call = call("tools/call", Some(value)).unwrap();
            assert_eq!(call.names().collect::<Vec<_>>(), [name], "{value}");
        }
    }

    #[test]
    fn a_joined_header_has_several_readings() {
        let call = call("tools/call", Some("get_page, =?base64?ZGVsZXRl?=")).unwrap();
        let names: Vec<_> = call.names().collect();
        assert!(names.contains(&"get_page") && names.contains(&"delete"), "{names:?}");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for name in [
            "",
            " ",
            "\u{e4}",
            "a\tb",
            "=?base64?%?=",
            "=?BASE64?ZGVsZXRl?=",
            "=?base64?ZGVsZXRl",
            "=?base64?/w==?=",
            "=?base64?ZGVsZXRl ?=",
            "=?base64?ZGVsZXR?=",
            "a,=?x",
        ] {
            assert!(call("tools/call", Some(name)).is_err(), "{name:?}");
        }
        for method in ["", "tools/call,tools/list", "=?base64?dG9vbHMvY2FsbA==?=", "ä"] {
            assert!(call(method, Some("x")).is_err(), "{method:?}");
        }
    }

    #[test]
    fn a_name_is_missing_only_where_there_must_be_one() {
        for method in NAMED_METHODS {
            assert_eq!(call(method, None), Err("Mcp-Name is missing"));
        }
        assert_eq!(call("tools/list", None).unwrap().names().collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn other_revisions_promise_nothing() {
        for version in [None, Some("2025-11-25"), Some("2026-07-28 "), Some("9999-01-01")] {
            let refused = Call::from_headers(version, Some("tools/call"), Some("x"));
            assert!(refused.unwrap_err().contains("2026-07-28"), "{version:?}");
        }
    }
}
