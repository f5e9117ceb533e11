//! Are you sure? The page before whatever ends access, hands out a secret or takes something away.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::pages::error::PageError;
use crate::pages::language::Html;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, Frame, render};

/// The page.
#[derive(Template)]
#[template(path = "owner/confirm.html", config = "src/pages/askama.toml")]
pub struct Confirm {
    frame: Frame,
    title: Html,
    csrf: String,
    question: Question,
}

/// What is asked.
pub(super) struct Question {
    /// Where the answer is sent, below the issuer's path.
    pub path: &'static str,
    /// What it is about; empty, if it is about everything.
    pub id: String,
    /// What it looked like, in a few letters that come back with the answer; empty, if that makes no
    /// difference.
    pub shown: String,
    /// What follows from a yes, a sentence each.
    pub follows: Vec<&'static str>,
    /// The words on the button.
    pub button: &'static str,
    /// Whether a yes takes something away.
    pub is_danger: bool,
    /// Where a no leads, below the issuer's path.
    pub back: String,
}

impl Question {
    /// One whose yes takes something away, and is sent to `path`.
    pub(super) fn at(path: &'static str) -> Self {
        let (id, shown, back) = (String::new(), String::new(), String::new());
        Self { path, id, shown, follows: vec![], button: "", is_danger: true, back }
    }
}

/// The page, below the place of the navigation that is named.
pub(super) fn ask(
    visit: &Visit,
    visitor: &Visitor,
    place: &'static str,
    (sentence, name): (&str, &str),
    question: Question,
) -> HttpResponse {
    let frame = visit.frame_for(visitor, place);
    let title = frame.say(sentence, &[name]);
    let csrf = visitor.csrf(&message(question.path, &question.id));
    let page = Confirm { frame, title, csrf, question };
    render(StatusCode::OK, &page, ContentPolicy::Closed)
}

/// What a form is about, if it was made for this session, this path and that very thing.
///
/// # Errors
/// A page, for a form that is not ours.
pub(super) fn checked(
    visit: &Visit,
    visitor: &Visitor,
    path: &str,
    sent: &PageForm,
) -> Result<String, PageError> {
    let id = sent.text("id");
    visitor.check_csrf(visit, &message(path, id), sent.text("csrf"))?;
    Ok(id.to_owned())
}

/// What the proof of a form is made of.
pub(super) fn message(path: &str, id: &str) -> String {
    format!("{path} {id}")
}
