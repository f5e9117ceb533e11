//! What becomes of an attempt once there are tokens.

use super::diagnosis::{Diagnosis, PATIENCE, State};
use super::facts::{Facts, Seen};
use super::mends::mend;
use crate::clock::UnixTime;
use crate::storage::RevokedBecause;
use crate::storage::attempts::{Entry, Stage};
use crate::words;

/// Somebody, or something, has ended the grant.
pub(super) fn ended(because: Option<RevokedBecause>) -> Diagnosis {
    let failed = |words, refusal| Diagnosis::new(State::Failed, words, Some(mend(refusal)));
    let ended = |words| Diagnosis::new(State::Ended, words, None);
    match because {
        Some(RevokedBecause::RefreshReplayed) => failed(
            words!(
                "A refresh token was presented again after its successor was used, and so the \
                 login was ended."
            ),
            "the refresh token was used before; the grant has ended",
        ),
        Some(RevokedBecause::CodeReplayed) => failed(
            words!("The code was presented twice, and so the login was ended."),
            "the code was used before",
        ),
        Some(RevokedBecause::Person) => ended(words!("The person has disconnected it.")),
        Some(RevokedBecause::Client) => ended(words!("The app has signed out.")),
        Some(RevokedBecause::User) => {
            ended(words!("The account of the person was disabled or removed."))
        }
        Some(RevokedBecause::ClientRemoved) => ended(words!("The app was disabled or removed.")),
        Some(RevokedBecause::ResourceRemoved) => ended(words!("The MCP server was removed.")),
        Some(RevokedBecause::NotAdmitted) => ended(words!("The person may not have it any more.")),
        Some(RevokedBecause::Operator) | None => ended(words!("The owner has ended it.")),
    }
}

/// There are tokens.
pub(super) fn connected(steps: &[Entry], facts: &Facts, now: UnixTime) -> Diagnosis {
    let issued = steps.iter().rposition(|step| step.stage == Stage::TokenIssued);
    let since = issued.map_or(&[][..], |issued| &steps[issued + 1..]);
    let saw = |stage| since.iter().any(|step| step.stage == stage);
    let at = issued.map(|issued| steps[issued].last_at);
    match facts.seen {
        Seen::Since(_) => Diagnosis::new(State::Connected, words!("It is connected."), None),
        Seen::Unknown if facts.grant.is_some() => Diagnosis::new(
            State::Connected,
            words!(
                "It has a token. It gets no refresh token, and so nobody can say whether it is \
                 used."
            ),
            None,
        ),
        Seen::Unknown => Diagnosis::new(State::Ended, words!("Its time is over."), None),
        Seen::Never if saw(Stage::TokenNotGood) => Diagnosis::new(
            State::Failed,
            words!(
                "A token was issued, and the MCP server was then asked with one that is not good \
                 there."
            ),
            Some(mend("resource is not one that is served here")),
        ),
        Seen::Never if saw(Stage::Challenged) => Diagnosis::new(
            State::Failed,
            words!("A token was issued, and the MCP server was still asked without one."),
            Some(words!(
                "Look whether a proxy strips the Authorization header on its way to the MCP server."
            )),
        ),
        Seen::Never if at.is_some_and(|at| now - at < PATIENCE) => Diagnosis::new(
            State::Unfinished,
            words!("A token was issued just now, and is not used yet."),
            None,
        ),
        Seen::Never => Diagnosis::new(
            State::Failed,
            words!("A token was issued, and never used."),
            Some(words!(
                "Look whether a proxy strips the Authorization header, whether the MCP server \
                 asks this service about tokens, and whether its URL in the app is the registered \
                 one."
            )),
        ),
    }
}
