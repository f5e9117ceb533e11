//! `WWW-Authenticate: Bearer …` as the SDKs read it: with quoted values, and no other scheme before.

/// The parameters that clients look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor::checks) struct Challenge {
    /// `resource_metadata`: RFC 9728 section 5.1.
    pub(in crate::doctor::checks) metadata: Option<String>,
    /// `error`: RFC 6750 section 3.1.
    pub(in crate::doctor::checks) error: Option<String>,
}

impl Challenge {
    /// None, if it is of another scheme.
    pub(in crate::doctor::checks) fn read(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Some(Self {
            metadata: parameter(parameters, "resource_metadata"),
            error: parameter(parameters, "error"),
        })
    }
}

/// The quoted value of the parameter of just this name.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (said, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (_, '\\') => value.push(characters.next()?.1),
                (at, '"') => break at,
                (_, other) => value.push(other),
            }
        };
        let said = said.rsplit([',', ' ']).next().unwrap_or_default();
        if said.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = &after[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_wherever_they_stand() {
        let read = |header: &str| Challenge::read(header).map(|it| (it.metadata, it.error));
        let both = Some((Some("https://h.example/x".to_owned()), Some("invalid_token".to_owned())));
        for header in [
            r#"Bearer resource_metadata="https://h.example/x", error="invalid_token""#,
            r#"Bearer error="invalid_token",resource_metadata="https://h.example/x""#,
            r#"bearer realm="a, \"b\"", error="invalid_token", resource_metadata="https://h.example/x""#,
            r#"Bearer error_description="error=", error="invalid_token", resource_metadata="https://h.example/x""#,
        ] {
            assert_eq!(read(header), both, "{header}");
        }
        assert_eq!(read("Bearer realm=x"), Some((None, None)));
        assert_eq!(read(r#"Bearer resource_metadata="unfinished"#), Some((None, None)));
        assert_eq!(read(r#"Basic realm="x", Bearer error="x""#), None);
        assert_eq!(read("Bearer"), None);
    }
}
