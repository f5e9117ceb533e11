//! The same pages in another language, and with what the operator has chosen.

use std::sync::Arc;

use super::*;
use crate::config;
use crate::config::{Logo, LogoKind};

fn german() -> Frame {
    Frame { language: Language::German, ..frame() }
}

#[test]
fn the_pages_that_people_decide_on_speak_german() {
    let local = Destination::Loopback("127.0.0.1".to_owned());
    let mut asked = consent("Claude Code (wiki)", ClientOrigin::Registered, local);
    asked.frame = german();
    asked.scopes = asked_for(&["files:read", "mcp", "offline_access"]);
    let mut signing_in = sign_in("mia", Some(Problem::WrongCredentials));
    signing_in.frame = german();
    let setup = Setup {
        frame: german(),
        token: "mln_example".to_owned(),
        username: Field::default(),
        by_password: true,
        password_problem: None,
        resource: Field::default(),
    };
    insta::assert_snapshot!("german_consent", asked.render().unwrap());
    insta::assert_snapshot!("german_sign_in", signing_in.render().unwrap());
    insta::assert_snapshot!("german_setup", setup.render().unwrap());
}

fn brand() -> Brand {
    Brand::new(&config::Brand {
        name: Some("Example <Library>".to_owned()),
        colour: Some("#7a1f6b".parse().unwrap()),
        logo: Some(Logo { kind: LogoKind::Svg, content: Arc::from(*b"<svg/>") }),
        text: Some("With the account of your library card.".to_owned()),
        support: Some("desk@example.org".parse().unwrap()),
    })
}

fn branded() -> Frame {
    let issuer = "https://auth.example.org/as".parse().unwrap();
    Frame::new(&issuer, &brand(), Language::English, UnixTime(1_790_000_000))
}

#[test]
fn the_operator_is_named_and_the_host_stays_where_people_decide() {
    let (mut signing_in, mut wrong) = (sign_in("", None), error_page(None));
    let mut asked =
        consent("Claude", ClientOrigin::Configured, Destination::App("cursor".to_owned()));
    for frame in [&mut signing_in.frame, &mut wrong.frame, &mut asked.frame] {
        *frame = branded();
    }
    let (signing_in, asked) = (signing_in.render().unwrap(), asked.render().unwrap());
    for page in [&signing_in, &asked] {
        assert!(page.contains("· Example &#60;Library&#62;</title>"), "{page}");
        assert!(page.contains("<small>auth.example.org</small>"), "{page}");
        assert!(page.contains("<img src=\"/as/assets/logo-"), "{page}");
        assert!(page.contains("<link rel=\"stylesheet\" href=\"/as/assets/colours-"), "{page}");
    }
    assert!(signing_in.contains("With the account of your library card."));
    assert!(!asked.contains("library card"));
    let wrong = wrong.render().unwrap();
    let help = "href=\"mailto:desk@example.org\" rel=\"noreferrer\">desk@example.org</a>";
    assert!(wrong.contains(help), "{wrong}");
    let named = Home {
        frame: Frame { nav: Some(nav()), ..branded() },
        state: State::NotSetUp,
        metadata_url: String::new(),
    };
    assert!(!named.render().unwrap().contains("<small>"), "somebody who is signed in knows it");
}

#[test]
fn whoever_has_chosen_nothing_sees_the_host_once() {
    let page = sign_in("", None).render().unwrap();
    assert!(page.contains("· auth.example.org</title>") && !page.contains("<small>"), "{page}");
    assert_eq!(page.matches("rel=\"stylesheet\"").count(), 1, "{page}");
}
