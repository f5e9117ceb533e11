//! Request parameters, in a query or a form: RFC 6749 sections 3.1 and 3.2, appendix B.

use super::{ErrorCode, OAuthError};
use crate::words;

/// More than any request of ours has; a bound on what a stranger can make us allocate.
const MOST_PARAMETERS: usize = 64;

/// The decoded parameters of one request. Each name stands once, but for `resource` (RFC 8707).
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded` text, strictly.
    ///
    /// # Errors
    /// `invalid_request` for broken percent-encoding, invalid UTF-8, a NUL, too many parameters,
    /// or a parameter that is given twice ("MUST NOT be included more than once").
    pub fn parse(encoded: &str) -> Result<Self, OAuthError> {
        let mut parameters: Vec<(String, String)> = vec![];
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text| {
                form_decode(text)
                    .ok_or(ErrorCode::InvalidRequest.because(words!("encoding is broken")))
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if name != "resource" && parameters.iter().any(|(known, _)| *known == name) {
                return Err(ErrorCode::InvalidRequest.because(words!("a parameter is given twice")));
            }
            if parameters.len() == MOST_PARAMETERS {
                return Err(
                    ErrorCode::InvalidRequest.because(words!("there are too many parameters"))
                );
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The value, if there is one. "Parameters sent without a value MUST be treated as if they
    /// were omitted": RFC 6749 section 3.1.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value.
    ///
    /// # Errors
    /// `invalid_request`, naming the parameter, when it is absent or empty.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| ErrorCode::InvalidRequest.because(format!("{name} is missing")))
    }

    /// Every value of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// One form-encoded value as text: `+` is a space, `%` is followed by two hex digits, the result
/// is UTF-8 without NUL. `None` for anything else.
#[must_use]
pub fn form_decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let [high, low, tail @ ..] = tail else { return None };
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = tail;
            }
            byte => bytes.push(*byte),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        for (encoded, text) in [
            ("a=b", "b"),
            ("a=b%2Bc+d", "b+c d"),
            ("x=1&a=%c3%a4", "ä"),
            ("a=b=c", "b=c"),
            ("&&a=b&", "b"),
        ] {
            assert_eq!(Parameters::parse(encoded).unwrap().get("a"), Some(text), "{encoded}");
        }
    }

    #[test]
    fn broken_text_is_refused() {
        for encoded in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "a=1&a=2", "a=1&a=1", "%61&a"] {
            assert!(Parameters::parse(encoded).is_err(), "{encoded}");
        }
        assert!(Parameters::parse(&"x&".repeat(2)).is_err());
        let many: Vec<String> = (0..65).map(|n| format!("p{n}")).collect();
        assert!(Parameters::parse(&many.join("&")).is_err());
    }

    #[test]
    fn an_empty_value_is_an_absent_one() {
        let parameters = Parameters::parse("scope=&state=x").unwrap();
        assert_eq!(parameters.get("scope"), None);
        assert!(parameters.require("scope").is_err());
    }

    #[test]
    fn a_resource_may_be_repeated() {
        let parameters = Parameters::parse("resource=a&resource=b").unwrap();
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }
}
