//! Who may see a page. A handler that asks here gets a proof, or what the browser is given instead.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use super::doorstep::doorstep_url;
use super::error::PageError;
use super::visit::{Visit, Visitor, see_other};
use crate::accounts::session::{Owner, Recently};
use crate::oauth::ErrorCode;
use crate::storage::sign_ins::Goal;
use crate::words;

/// What takes the place of the page that was asked for.
#[derive(Debug)]
pub enum Instead {
    /// A page that says why.
    Page(PageError),
    /// The page where one signs in, and comes back from.
    SignIn(String),
}

impl Visit {
    /// Whoever is signed in.
    ///
    /// # Errors
    /// The way to the sign-in, which leads to `goal`.
    pub async fn member(&self, goal: Goal) -> Result<Visitor, Instead> {
        self.visitor().await?.ok_or_else(|| self.sign_in_for(goal))
    }

    /// Whoever has signed in so recently that what signs in may be changed.
    ///
    /// # Errors
    /// The way to the sign-in, which leads to `goal`.
    pub async fn recent(&self, goal: Goal) -> Result<(Visitor, Recently), Instead> {
        let visitor = self.member(goal).await?;
        let recently = visitor.signed_in.recently(self.app.clock.now());
        recently.map_or_else(|| Err(self.sign_in_for(goal)), |recently| Ok((visitor, recently)))
    }

    /// The owner.
    ///
    /// # Errors
    /// The way to the sign-in, and a page for everybody else.
    pub async fn owner(&self) -> Result<(Visitor, Owner), Instead> {
        let visitor = self.member(Goal::Owner).await?;
        let Some(owner) = visitor.signed_in.owner() else {
            let why = words!("This page is for the owner of this server");
            return Err(self.failed(ErrorCode::AccessDenied.because(why)).into());
        };
        Ok((visitor, owner))
    }

    /// The owner, who has signed in so recently that he may change what everybody has.
    ///
    /// # Errors
    /// As [`Visit::owner`] and [`Visit::recent`].
    pub async fn owner_recently(&self) -> Result<(Visitor, Owner, Recently), Instead> {
        let (visitor, owner) = self.owner().await?;
        let recently = visitor.signed_in.recently(self.app.clock.now());
        let recently = recently.ok_or_else(|| self.sign_in_for(Goal::Owner))?;
        Ok((visitor, owner, recently))
    }

    fn sign_in_for(&self, goal: Goal) -> Instead {
        Instead::SignIn(self.here(&doorstep_url(goal)))
    }
}

impl From<PageError> for Instead {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(error) => error.fmt(f),
            Self::SignIn(_) => f.write_str("sign in first"),
        }
    }
}

impl ResponseError for Instead {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Page(error) => error.status_code(),
            Self::SignIn(_) => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Page(error) => error.error_response(),
            Self::SignIn(url) => see_other(url),
        }
    }
}
