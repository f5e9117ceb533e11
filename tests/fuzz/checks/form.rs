//! `application/x-www-form-urlencoded`: what is accepted means what it means to everybody else.

use std::collections::BTreeMap;

use mcp_oauthd::oauth::Parameters;
use url::form_urlencoded;

/// Every name has the values that another parser reads, and has them again when they are written.
pub(crate) fn means_what_it_says(encoded: &str, parameters: &Parameters) {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
        values.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let mut again = form_urlencoded::Serializer::new(String::new());
    for (name, values) in &values {
        assert!(values.len() == 1 || name == "resource", "{name:?} is given twice");
        for value in values {
            again.append_pair(name, value);
        }
    }
    let again = Parameters::parse(&again.finish()).unwrap();
    for (name, values) in &values {
        let given: Vec<_> = values.iter().filter(|value| !value.is_empty()).collect();
        assert_eq!(parameters.all(name).collect::<Vec<_>>(), given, "{name:?}");
        assert_eq!(again.all(name).collect::<Vec<_>>(), given, "{name:?}");
        assert_eq!(parameters.get(name), given.first().map(|value| value.as_str()), "{name:?}");
    }
}
