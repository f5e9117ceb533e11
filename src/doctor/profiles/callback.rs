//! The authorization response (RFC 6749 section 4.1.2, RFC 9207), read from the address to which
//! the browser was sent.

use secrecy::SecretString;

use super::authorization::Asked;
use super::discovery::Found;
use super::profile::{Iss, Profile};
use super::replay::Replay;
use crate::doctor::Finding;
use crate::oauth::form_decode;

const CHECK: &str = "callback";

/// Reads the response as the client does. The address is never said: it has the code.
///
/// # Errors
/// What would stop the client.
pub fn read(
    replay: &mut Replay<'_>,
    found: &Found,
    asked: &Asked,
    address: &str,
) -> Result<SecretString, Finding> {
    let code = code(replay.profile, found, asked, address.trim()).map_err(|why| {
        let says = format!("{} {why}", replay.profile.product);
        Finding::wrong(CHECK, says, "let no proxy or browser extension change the address")
    })?;
    replay.fine(CHECK, "code, state and iss came back as they should");
    Ok(code.into())
}

fn code(profile: &Profile, found: &Found, asked: &Asked, address: &str) -> Result<String, String> {
    let (place, query) = address.split_once('?').ok_or("gets no answer at this address")?;
    if place != asked.redirect_uri {
        return Err(format!("is not at this address: its redirect_uri is {}", asked.redirect_uri));
    }
    let query = query.split('#').next().unwrap_or_default();
    let raw = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let decoded = |name: &str| raw(name).and_then(form_decode);
    if decoded("state").as_deref() != Some(&asked.state) {
        return Err("refuses the answer: state is not the one that it sent, byte for byte".into());
    }
    issuer(profile, found, decoded("iss").as_deref())?;
    if let Some(error) = decoded("error") {
        let description = decoded("error_description").unwrap_or_default();
        return Err(format!("is told {error}: {description}"));
    }
    let code = if profile.authorization.raw_code {
        raw("code").map(str::to_owned)
    } else {
        decoded("code")
    };
    code.filter(|code| !code.is_empty()).ok_or_else(|| "gets no code".to_owned())
}

/// MCP 2026-07-28: compared as it stands, and needed where it was promised.
fn issuer(profile: &Profile, found: &Found, iss: Option<&str>) -> Result<(), String> {
    let promised = found.promises("authorization_response_iss_parameter_supported");
    let needed = match profile.authorization.iss {
        Iss::Unread => return Ok(()),
        Iss::AsPromised => promised,
        Iss::Needed => true,
    };
    match iss {
        None if needed => Err("refuses the answer: there is no iss in it".to_owned()),
        Some(iss) if iss != found.issuer() => {
            Err(format!("refuses the answer: iss is {iss}, and not {}", found.issuer()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;
    use url::Url;

    use super::super::clients::ALL;
    use super::*;

    fn read_by(name: &str, address: &str) -> Result<String, String> {
        let server = json!({
            "issuer": "https://auth.example.com",
            "authorization_response_iss_parameter_supported": true,
        });
        let found = Found {
            challenged_scope: None,
            resource: serde_json::Map::new(),
            server: server.as_object().unwrap().clone(),
        };
        let asked = Asked {
            url: Url::parse("https://auth.example.com/authorize").unwrap(),
            state: "a+/=".to_owned(),
            verifier: SecretString::from(String::new()),
            redirect_uri: "http://127.0.0.1:1/".to_owned(),
            scope: None,
            resource: String::new(),
        };
        let profile = ALL.iter().find(|profile| profile.name == name).unwrap();
        code(profile, &found, &asked, address)
    }

    #[test]
    fn each_reads_the_address_as_it_does() {
        let good =
            "http://127.0.0.1:1/?code=a%2Bb&state=a%2B%2F%3D&iss=https%3A%2F%2Fauth.example.com";
        assert_eq!(read_by("vscode", good).as_deref(), Ok("a%2Bb"));
        assert_eq!(read_by("rmcp", good).as_deref(), Ok("a+b"));
        for (bad, minding) in [
            (good.replace("%2B%2F", "+%2F"), vec!["vscode", "rmcp", "gemini"]),
            (good.replace("&iss=", "&is="), vec!["rmcp", "gemini"]),
            (good.replace(".com", ".com%2F"), vec!["rmcp", "gemini"]),
            (good.replace(":1/", ":2/"), vec!["vscode", "rmcp", "gemini"]),
            (good.replace("code=", "error="), vec!["vscode", "rmcp", "gemini"]),
        ] {
            let refused = |name: &&str| read_by(name, &bad).is_err();
            let refusing: Vec<_> =
                ["vscode", "rmcp", "gemini"].into_iter().filter(refused).collect();
            assert_eq!(refusing, minding, "{bad}");
        }
    }
}
