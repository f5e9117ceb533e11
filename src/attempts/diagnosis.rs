//! Why an attempt to connect did not succeed, in one sentence, and what mends it.

use serde::Serialize;

use super::afterwards::{connected, ended};
use super::beforehand::only_looked;
use super::facts::Facts;
use super::mends::{code_and_description, mend};
use super::sighting::DOCTOR;
use crate::authorization::obstacle::Obstacle;
use crate::clock::{Seconds, UnixTime};
use crate::oauth::{ErrorCode, RedirectUri};
use crate::storage::RevokedBecause;
use crate::storage::attempts::{Attempt, Entry, Stage};
use crate::storage::clients::Client;
use crate::words;

/// How long an app may take to fetch its token, and to use it, before something is wrong.
pub(super) const PATIENCE: Seconds = Seconds(120);
/// The most registered redirect URIs that are named.
const MOST_URIS: usize = 3;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is at work.
    Connected,
    /// It goes no further by itself.
    Failed,
    /// Something has yet to happen, and may.
    Unfinished,
    /// It is over: it was connected, and somebody has ended it.
    Ended,
}

/// A sentence, with values where `{}` stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// In English.
    pub words: &'static str,
    /// In their order.
    pub values: Vec<Value>,
}

/// What stands in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Why something was refused, in our words.
    Why(String),
    /// What it was about, perhaps in a stranger's words.
    About(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Why(text) | Self::About(text) => f.write_str(text),
        }
    }
}

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = self.words.split("{}");
        f.write_str(parts.next().unwrap_or_default())?;
        for (part, value) in parts.zip(&self.values) {
            write!(f, "{value}{part}")?;
        }
        Ok(())
    }
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// How it stands.
    pub state: State,
    /// Why.
    pub cause: Sentence,
    /// What to do; none if nothing is to be done.
    pub mend: Option<&'static str>,
}

impl Diagnosis {
    pub(super) fn new(state: State, words: &'static str, mend: Option<&'static str>) -> Self {
        Self::with(state, (words, vec![]), mend)
    }

    pub(super) fn with(
        state: State,
        (words, values): (&'static str, Vec<Value>),
        mend: Option<&'static str>,
    ) -> Self {
        Self { state, cause: Sentence { words, values }, mend }
    }
}

/// Explains it.
#[must_use]
pub fn diagnose(attempt: &Attempt, facts: &Facts, now: UnixTime) -> Diagnosis {
    let steps = attempt.story.steps();
    if was_examined(attempt) {
        let words = words!(
            "This is no app, by its own account, but `doctor`, which has itself refused on purpose \
             to see whether apps could connect."
        );
        return Diagnosis::new(State::Ended, words, None);
    }
    let mut back = steps.iter().rev().filter(|step| !step.stage.is_discovery());
    let Some(last) = back.next() else {
        return only_looked(steps);
    };
    if is_of_disabled(last, facts) {
        let words = words!("The owner has disabled this app, and so it was refused.");
        return Diagnosis::new(State::Failed, words, Some(mend(Obstacle::SwitchedOff.words())));
    }
    match (&facts.grant, attempt.grant_id) {
        (None, None) if last.stage == Stage::RefreshRefused => refused(
            words!(
                "A refresh of tokens was refused, and of which connection they are is not known: {}"
            ),
            last,
        ),
        _ if last.stage == Stage::RefreshRefused && !is_replayed(facts) => refused(
            words!("It was connected, and then a refresh of its tokens was refused: {}"),
            last,
        ),
        (Some(grant), _) if grant.revoked_at.is_some() => ended(grant.revoked_because),
        (_, Some(_)) => connected(steps, facts, now),
        _ => on_the_way(cause_of(last, back.next()), facts, now),
    }
}

/// Whoever says that it is `doctor` and then goes on as an app does is told as one.
fn was_examined(attempt: &Attempt) -> bool {
    let goes_on = |step: &Entry| matches!(step.stage, Stage::Registered | Stage::Asked);
    attempt.agent == DOCTOR && !attempt.known && !attempt.story.steps().iter().any(goes_on)
}

/// Whoever could not say yes, and goes back to the app, tells the app no: that is not why.
fn cause_of<'a>(last: &'a Entry, before: Option<&'a Entry>) -> &'a Entry {
    let stuck = before.filter(|step| matches!(step.stage, Stage::Obstacle | Stage::Waiting));
    stuck.filter(|_| last.stage == Stage::Denied).unwrap_or(last)
}

/// At the token endpoint it was told that nobody knows it: a stranger learns no more there.
fn is_of_disabled(last: &Entry, facts: &Facts) -> bool {
    let code = last.why.as_deref().map(|why| code_and_description(why).0);
    let disabled_at = facts.client.as_ref().and_then(|client| client.disabled_at);
    disabled_at.is_some_and(|at| at <= last.last_at)
        && code == Some(ErrorCode::InvalidClient.as_str())
}

fn is_replayed(facts: &Facts) -> bool {
    let because = facts.grant.as_ref().and_then(|grant| grant.revoked_because);
    matches!(because, Some(RevokedBecause::RefreshReplayed | RevokedBecause::CodeReplayed))
}

/// There is a name, and no token yet.
fn on_the_way(last: &Entry, facts: &Facts, now: UnixTime) -> Diagnosis {
    let unfinished = |words, mend| Diagnosis::new(State::Unfinished, words, Some(mend));
    match last.stage {
        Stage::RegistrationRefused => refused(words!("The registration was refused: {}"), last),
        Stage::AskRefused => ask_refused(last, facts),
        Stage::DocumentRefused => document_refused(last),
        Stage::TokenRefused => refused(words!("The request for a token was refused: {}"), last),
        Stage::RevocationRefused => refused(words!("A revocation was refused: {}"), last),
        Stage::Obstacle => refused(words!("Somebody signed in and could not say yes: {}"), last),
        Stage::Denied => Diagnosis::new(State::Failed, words!("The person said no."), None),
        Stage::Approved if now - last.last_at < PATIENCE => Diagnosis::new(
            State::Unfinished,
            words!("The person said yes, and the app has yet to fetch its token."),
            None,
        ),
        Stage::Approved => Diagnosis::new(
            State::Failed,
            words!("The person said yes, and the app never fetched its token."),
            Some(words!(
                "The browser may not have reached the app: is it still running, and does nothing \
                 block its redirect URI? Start the connection once more in the app."
            )),
        ),
        Stage::Waiting => waiting(facts.client.as_ref()),
        Stage::ConsentShown => unfinished(
            words!("The person was asked and has not answered."),
            words!("Start the connection once more in the app, and answer the question."),
        ),
        Stage::Registered => unfinished(
            words!("The app has registered, and its browser never came."),
            words!("Look whether the app opened a browser, and whether that reaches this service."),
        ),
        _ => unfinished(
            words!("The sign-in was begun and never finished."),
            words!(
                "Start the connection once more in the app, and sign in. Who has no account here \
                 is invited by the owner."
            ),
        ),
    }
}

/// Nobody tells the app when the owner has decided.
fn waiting(client: Option<&Client>) -> Diagnosis {
    let decided = |client: &&Client| client.disabled_at.is_some() || client.approved_at.is_some();
    match client.filter(decided) {
        Some(client) if client.disabled_at.is_some() => Diagnosis::new(
            State::Failed,
            words!("The app waited for the owner, who has not let it in."),
            Some(mend(Obstacle::SwitchedOff.words())),
        ),
        Some(_) => Diagnosis::new(
            State::Unfinished,
            words!("The app waited for the owner, who has let it in since."),
            Some(words!("Start the connection once more in the app.")),
        ),
        None => Diagnosis::new(
            State::Unfinished,
            words!("The app is new here and waits for the owner."),
            Some(mend(Obstacle::Waits.words())),
        ),
    }
}

fn refused(words: &'static str, step: &Entry) -> Diagnosis {
    let why = step.why.clone().unwrap_or_default();
    let mend = mend(&why);
    Diagnosis::with(State::Failed, (words, vec![Value::Why(why)]), Some(mend))
}

/// What was offered stands beside what is registered: the difference is often one letter.
fn ask_refused(step: &Entry, facts: &Facts) -> Diagnosis {
    let why = step.why.as_deref().unwrap_or_default();
    let mismatch = why.ends_with("redirect_uri is not one that this app has registered");
    let (true, Some(offered), Some(client)) = (mismatch, &step.about, &facts.client) else {
        return refused(words!("The request of the app was refused: {}"), step);
    };
    let registered = &client.metadata.redirect_uris;
    let registered: Vec<&str> =
        registered.iter().take(MOST_URIS).map(RedirectUri::as_str).collect();
    let words = words!("redirect_uri {} is not among the registered: {}");
    let values = vec![Value::About(offered.clone()), Value::About(registered.join(", "))];
    Diagnosis::with(
        State::Failed,
        (words, values),
        Some(words!(
            "The app has changed since it registered. Remove the connection in the app and add it \
             again, or register its new address."
        )),
    )
}

fn document_refused(step: &Entry) -> Diagnosis {
    let why = step.why.clone().unwrap_or_default();
    let words = words!("The document in which the app describes itself could not be used: {}");
    Diagnosis::with(
        State::Failed,
        (words, vec![Value::Why(why)]),
        Some(words!(
            "Look whether this service reaches the document. A copy can be laid down: `client \
             document add`."
        )),
    )
}
