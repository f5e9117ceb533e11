//! `Mcp-Name`: MCP 2026-07-28, Streamable HTTP, "Value Encoding".

use actix_web::http::header::HeaderValue;
use data_encoding::BASE64;
use mcp_oauthd::mcp::Call;

const REVISION: &str = "2026-07-28";
/// The longest header that is looked at.
const LONGEST: usize = 2048;

pub(crate) fn check(input: &[u8]) {
    // As the gate has it: a header that is not ASCII is refused before.
    let header = HeaderValue::from_bytes(input).ok();
    if let Some(value) = header.as_ref().and_then(|header| header.to_str().ok()) {
        means_one_thing(value);
        is_no_method_by_accident(value);
    }
    if let Ok(name) = str::from_utf8(input) {
        survives_its_encoding(name);
    }
}

fn decode(value: &str) -> Result<Call, &'static str> {
    Call::from_headers(Some(REVISION), Some("tools/call"), Some(value))
}

/// What is accepted is the name itself, or exactly what the specification makes of it.
fn means_one_thing(value: &str) {
    let Ok(call) = decode(value) else { return };
    let name = call.name().unwrap();
    assert!(value.len() <= LONGEST && !value.contains(','), "{value:?}");
    assert!(value == name || value == encode(name), "{value:?} {name:?}");
    assert!(value == encode(name) || !value.starts_with("=?"), "{value:?}");
    assert_eq!(call, Call::from_headers(Some(REVISION), Some("tools/call"), Some(value)).unwrap());
    // Of other methods nobody looks at it, and of other revisions nobody promises anything.
    let other = Call::from_headers(Some(REVISION), Some("tools/list"), Some(value)).unwrap();
    assert_eq!(other.name(), None);
    assert!(Call::from_headers(Some("2025-11-25"), Some("tools/call"), Some(value)).is_err());
}

/// Every name can be sent, if it is short enough, and arrives as it was.
fn survives_its_encoding(name: &str) {
    let encoded = encode(name);
    if encoded.len() <= LONGEST {
        assert_eq!(decode(&encoded).unwrap().name(), Some(name));
    } else {
        assert!(decode(&encoded).is_err());
    }
    let plain = name.bytes().all(|byte| matches!(byte, 0x21..=0x7E)) && !name.contains(',');
    if plain && !name.starts_with("=?") && (1..=LONGEST).contains(&name.len()) {
        assert_eq!(decode(name).unwrap().name(), Some(name));
    }
}

/// The same text as `Mcp-Method`: a list of them, or something encoded, is none.
fn is_no_method_by_accident(value: &str) {
    let Ok(call) = Call::from_headers(Some(REVISION), Some(value), Some("x")) else { return };
    assert_eq!(call.method(), value);
    assert!(!value.contains([',', ' ']) && !value.starts_with("=?"), "{value:?}");
}

fn encode(name: &str) -> String {
    format!("=?base64?{}?=", BASE64.encode(name.as_bytes()))
}
