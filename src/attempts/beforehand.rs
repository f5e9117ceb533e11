//! What there is to say of an attempt that has not named itself yet.

use super::diagnosis::{Diagnosis, State, Value};
use crate::storage::attempts::{Entry, Stage};
use crate::words;

/// Nobody has said a name.
pub(super) fn only_looked(steps: &[Entry]) -> Diagnosis {
    let saw = |stage| steps.iter().rfind(|step| step.stage == stage);
    let unfinished = |words, mend| Diagnosis::new(State::Unfinished, words, Some(mend));
    if saw(Stage::TokenNotGood).is_some() {
        return unfinished(
            words!(
                "The MCP server was asked with a token that is not good there, and nothing \
                 followed."
            ),
            words!(
                "Connect the app again, if it does not work. It may have a token of another \
                 server, or of the time before a new database."
            ),
        );
    }
    if saw(Stage::ServerMetadata).is_some() {
        return unfinished(
            words!("Its metadata was fetched, and the app never registered."),
            words!(
                "An app that is connected already does no more either. Otherwise look into its \
                 log: it may want metadata documents or a client that is added by hand."
            ),
        );
    }
    if let Some(step) = saw(Stage::NothingThere) {
        let about = step.about.clone().unwrap_or_default();
        let words = words!("The app looked for metadata where there is none: {}");
        return Diagnosis::with(
            State::Failed,
            (words, vec![Value::About(about)]),
            Some(words!(
                "The URL of the MCP server in the app has to be the registered one, and the proxy \
                 must not change the path."
            )),
        );
    }
    if saw(Stage::ResourceMetadata).is_some() {
        return unfinished(
            words!("The app learned where to sign in, and never came here."),
            words!(
                "Look whether the issuer can be reached from where the app runs: `doctor` says so."
            ),
        );
    }
    unfinished(
        words!("The app was told that it needs a token, and never asked how to get one."),
        words!(
            "Look whether the proxy lets WWW-Authenticate through, and whether the app can sign \
             in at all."
        ),
    )
}
