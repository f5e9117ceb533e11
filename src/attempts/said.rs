//! The steps of an attempt, in words.

use crate::storage::attempts::Stage;
use crate::words;

/// A step, in words.
#[must_use]
pub fn said(stage: Stage) -> &'static str {
    match stage {
        Stage::Challenged => words!("The MCP server was asked without a token"),
        Stage::TokenNotGood => {
            words!("The MCP server was asked with a token that is not good there")
        }
        Stage::Preflight => words!("A browser asked whether it may ask"),
        Stage::ResourceMetadata => words!("The metadata of the MCP server was fetched"),
        Stage::ServerMetadata => words!("The metadata of this service was fetched"),
        Stage::NothingThere => words!("Metadata was looked for where there is none"),
        Stage::Registered => words!("The app registered"),
        Stage::RegistrationRefused => words!("The registration was refused"),
        Stage::Asked => words!("A browser came from the app"),
        Stage::AskRefused => words!("A browser came from the app and was refused"),
        Stage::DocumentRefused => words!("The document of the app could not be used"),
        Stage::SignInShown => words!("The person was asked to sign in"),
        Stage::Obstacle => words!("The person could not say yes"),
        Stage::Waiting => words!("The app waits for the owner"),
        Stage::ConsentShown => words!("The person had signed in and was asked"),
        Stage::Approved => words!("The person said yes"),
        Stage::Denied => words!("The person said no"),
        Stage::TokenIssued => words!("The app fetched its tokens"),
        Stage::TokenRefused => words!("The request for tokens was refused"),
        Stage::RefreshRefused => words!("A refresh of the tokens was refused"),
        Stage::RevocationRefused => words!("A revocation was refused"),
    }
}
