//! What an error may say: RFC 6749 sections 4.1.2.1 and 5.2.

use mcp_oauthd::oauth::{ErrorCode, OAuthError};

/// The code is one that may be answered here, and the description is made of characters that it may
/// have: `%x20-21 / %x23-5B / %x5D-7E`.
pub(crate) fn may_be_said(error: &OAuthError, codes: &[ErrorCode]) {
    assert!(codes.contains(&error.code), "{error}");
    assert_eq!(error.code.as_str(), serde_json::to_value(error.code).unwrap(), "{error}");
    let permitted = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(!error.description.is_empty(), "{error}");
    assert!(error.description.bytes().all(permitted), "{error}");
}
