//! Client authentication by HTTP Basic: RFC 6749 section 2.3.1, RFC 7617 section 2.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::test::TestRequest;
use data_encoding::{BASE64, BASE64_NOPAD};
use mcp_oauthd::clients::Presented;
use mcp_oauthd::endpoints::form::credentials;
use mcp_oauthd::oauth::ErrorCode::{InvalidClient, InvalidRequest};
use mcp_oauthd::oauth::{Parameters, form_decode};

use super::refusal;
use super::world::{self, MACHINE, SECRET};

/// The first line is the header, the second the form beside it.
pub(crate) fn check(input: &[u8]) {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let header = lines.next().and_then(|line| HeaderValue::from_bytes(line).ok());
    let form = lines.next().and_then(|line| str::from_utf8(line).ok()).unwrap_or_default();
    if let (Some(header), Ok(form)) = (header, Parameters::parse(form)) {
        for twice_is_fine in [false, true] {
            as_presented(&header, &form, twice_is_fine);
        }
    }
    however_it_is_encoded(input);
}

fn as_presented(header: &HeaderValue, form: &Parameters, twice_is_fine: bool) {
    let request = TestRequest::default().insert_header((AUTHORIZATION, header)).to_http_request();
    match credentials(&request, form, twice_is_fine) {
        Ok(presented) => {
            assert_eq!(shown(&presented), "Presented { via_basic: true, .. }");
            if is_the_machine(&presented) {
                let text = header.to_str().unwrap();
                assert!(names_the_machine(text), "{text:?}");
                assert!(form.get("client_id").is_none_or(|id| id == MACHINE));
                let secret = form.get("client_secret");
                assert!(secret.is_none_or(|secret| twice_is_fine && secret == SECRET));
            }
        }
        Err(error) => match error.into_parts().0 {
            mcp_oauthd::error::Error::Refused(error) => {
                refusal::may_be_said(&error, &[InvalidClient, InvalidRequest]);
            }
            mcp_oauthd::error::Error::Failed(error) => panic!("{error}"),
        },
    }
}

/// The right credentials are good in every encoding that clients use: the input says which of their
/// characters are percent-encoded.
fn however_it_is_encoded(choice: &[u8]) {
    let mut bits = choice.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    let mut encode = |text: &str| -> String {
        let mut one = |c: char| match (bits.next(), bits.next()) {
            (Some(true), Some(true)) => format!("%{:02X}", u32::from(c)),
            (Some(true), _) => format!("%{:02x}", u32::from(c)),
            _ => c.to_string(),
        };
        text.chars().map(&mut one).collect()
    };
    let text = format!("{}:{}", encode(MACHINE), encode(SECRET));
    let (padded, bare) = (BASE64.encode(text.as_bytes()), BASE64_NOPAD.encode(text.as_bytes()));
    let form = Parameters::parse("client_id=machine").unwrap();
    for header in [format!("Basic {padded}"), format!("bAsIc   {bare} ")] {
        let presented = Presented::from_request(Some(&header), &form, false).unwrap();
        assert!(is_the_machine(&presented), "{text}");
    }
    let wrong = BASE64.encode(format!("{text}x").as_bytes());
    let wrong = Presented::from_request(Some(&format!("Basic {wrong}")), &form, false).unwrap();
    assert!(!is_the_machine(&wrong), "{text}x");
}

fn is_the_machine(presented: &Presented) -> bool {
    let client = world::with(|world| world.read(|conn| presented.client(conn)));
    client.is_ok_and(|client| client.id().as_str() == MACHINE)
}

/// Whether the header has the machine's secret, raw or form-encoded, read in another way.
fn names_the_machine(header: &str) -> bool {
    let encoded: String = header[5..].chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
    let text = String::from_utf8(BASE64_NOPAD.decode(encoded.as_bytes()).unwrap()).unwrap();
    let (id, secret) = text.split_once(':').unwrap();
    let decoded = |text: &str| form_decode(text).unwrap_or_default();
    (id, secret) == (MACHINE, SECRET)
        || (decoded(id), decoded(secret)) == (MACHINE.into(), SECRET.into())
}

fn shown(presented: &Presented) -> String {
    format!("{presented:?}")
}
