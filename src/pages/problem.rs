//! Why somebody is not signed in, in words that help.

use actix_web::http::StatusCode;

use super::Frame;
use super::language::Html;
use crate::accounts::identity::Stranger;
use crate::accounts::providers::ProviderError;
use crate::clock::Seconds;
use crate::words;

/// Why somebody is not signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The same for unknown names, wrong passwords and disabled accounts.
    WrongCredentials,
    /// Too many attempts, of this account or from this address; how long to wait.
    TooManyAttempts(Seconds),
    /// The form is not the one that we gave to this browser.
    StaleForm,
    /// What another service says, by the name that people know it by.
    Provider(String, AtProvider),
    /// What the proxy says, or who it says it is.
    Proxy(AtProxy),
}

/// What went wrong at another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtProvider {
    /// It does not answer.
    Down,
    /// It answers something that makes no sense.
    Wrong,
    /// It says no.
    Refused,
    /// The person said no there.
    Cancelled,
    /// The account there is another person's here.
    SomebodyElses,
    /// The account there does not come in.
    Stranger(Stranger),
}

/// What is wrong with a proxy's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtProxy {
    /// It is not there, or not from where it may come, or not one name.
    NotSaid,
    /// Nobody here has this name.
    NoAccount(String),
    /// There is no owner yet.
    NotSetUp,
}

impl From<&ProviderError> for AtProvider {
    fn from(error: &ProviderError) -> Self {
        match error {
            ProviderError::Down(_) => Self::Down,
            ProviderError::Wrong(_) => Self::Wrong,
            ProviderError::Refused(_) => Self::Refused,
            ProviderError::Cancelled => Self::Cancelled,
        }
    }
}

impl AtProvider {
    /// With the service's name in it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Down => words!("{} does not answer at the moment. Please try again later."),
            Self::Wrong => words!(
                "{} has answered something that cannot be used here. Please \
                     tell whoever runs this server."
            ),
            Self::Refused => words!("{} has refused. Please try again."),
            Self::SomebodyElses => words!(
                "This account at {} belongs to somebody else here. Use another \
                     one, or unlink it there first."
            ),
            Self::Cancelled => words!("You did not finish at {}."),
            Self::Stranger(Stranger::NotAllowed) => words!(
                "This account at {} may not come in here. Use another one, or \
                     ask whoever runs this server."
            ),
            Self::Stranger(Stranger::MailNotVerified) => words!(
                "{} has not verified the mail address of this account. Verify \
                     it there, then try again."
            ),
            Self::Stranger(Stranger::NoAccount) => words!(
                "Nobody here has this account at {}. If you have an account \
                     here, sign in another way and link the two on your security \
                     page. If not, ask whoever runs this server for one."
            ),
            Self::Stranger(Stranger::NotSetUp) => {
                words!("You are known at {}, but this server is not set up yet.")
            }
        }
    }

    /// The status of a page that says so.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Down => StatusCode::SERVICE_UNAVAILABLE,
            Self::Wrong => StatusCode::BAD_GATEWAY,
            _ => StatusCode::FORBIDDEN,
        }
    }
}

impl Problem {
    /// In the page's language.
    pub(super) fn say(&self, frame: &Frame) -> Html {
        let plain = |words: &'static str| frame.say(words, &[""; 0]);
        match self {
            Self::WrongCredentials => plain(words!("The user name or the password is not right.")),
            Self::TooManyAttempts(_) => {
                plain(words!("Too many attempts. Please wait a minute, then try again."))
            }
            Self::StaleForm => {
                plain(words!("This page was open for too long. Please sign in again."))
            }
            Self::Provider(label, problem) => frame.say(problem.words(), &[label]),
            Self::Proxy(AtProxy::NotSaid) => plain(words!(
                "Your request has not come by the way that says who you are. \
                     Open this page as you usually do."
            )),
            Self::Proxy(AtProxy::NoAccount(name)) => frame.say(
                words!(
                    "Nobody here is called {}. Please ask whoever runs this server \
                     for an account."
                ),
                &[name],
            ),
            Self::Proxy(AtProxy::NotSetUp) => plain(words!("This server is not set up yet.")),
        }
    }

    /// The status of a page that says so.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::WrongCredentials => StatusCode::UNAUTHORIZED,
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::StaleForm | Self::Proxy(_) => StatusCode::FORBIDDEN,
            Self::Provider(_, problem) => problem.status(),
        }
    }
}
