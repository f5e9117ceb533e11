//! A checkbox for each scope, in every form that says how much somebody or something may have.

use askama::Template;

use crate::config::Config;
use crate::oauth::Scope;
use crate::pages::Frame;
use crate::pages::consent::Glossary;
use crate::pages::language::Html;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::words;

/// What the names of the checkboxes begin with.
const TICK: &str = "scope ";

/// A checkbox.
#[derive(Clone)]
pub(super) struct Tick {
    pub(super) scope: String,
    /// In the operator's words, if there are any.
    pub(super) words: Option<String>,
    pub(super) is_on: bool,
}

/// A checkbox for each scope that there is; all of them are on, if nothing is chosen.
pub(super) fn ticks(visit: &Visit, offered: &Scope, chosen: Option<&Scope>) -> Vec<Tick> {
    let glossary = Glossary::new(&visit.app.config, visit.frame().language);
    let tick = |token: &str| Tick {
        is_on: chosen.is_none_or(|chosen| chosen.tokens().any(|on| on == token)),
        words: glossary.line(token).words,
        scope: token.to_owned(),
    };
    offered.tokens().map(tick).collect()
}

/// What is ticked, with all that it includes; none for everything, which includes what is offered
/// later. An error for nothing.
pub(super) fn ticked(
    config: &Config,
    offered: &Scope,
    sent: &PageForm,
) -> Result<Option<Scope>, ()> {
    let is_on = |token: &&str| !sent.text(&format!("{TICK}{token}")).is_empty();
    let chosen = Scope::requested(&offered.tokens().filter(is_on).collect::<Vec<_>>().join(" "));
    if chosen.is_empty() {
        return Err(());
    }
    let chosen = config.scope_hierarchy.expand(&chosen);
    Ok((!chosen.covers(offered)).then_some(chosen))
}

/// The problem with a form in which nothing is ticked.
pub(super) fn at_least_one(visit: &Visit) -> String {
    visit.frame().t(words!("Choose at least one.")).to_owned()
}

/// A page that is nothing but such a form.
#[derive(Template)]
#[template(path = "owner/scope_form.html", config = "src/pages/askama.toml")]
pub struct ScopeForm {
    pub(super) frame: Frame,
    pub(super) title: Html,
    pub(super) ticks: Vec<Tick>,
    pub(super) problem: Option<String>,
    /// What follows, a sentence each.
    pub(super) follows: Vec<&'static str>,
    pub(super) csrf: String,
    /// Where it is sent, below the issuer's path.
    pub(super) path: &'static str,
    /// What it is about.
    pub(super) id: String,
    /// Where a no leads, below the issuer's path.
    pub(super) back: String,
}

impl ScopeForm {
    /// About one thing, which is called so.
    pub(super) fn new(
        (visit, visitor): (&Visit, &Visitor),
        place: &'static str,
        (sentence, name): (&str, &str),
        (path, id): (&'static str, &str),
        chosen: Option<&Scope>,
    ) -> Self {
        let frame = visit.frame_for(visitor, place);
        Self {
            title: frame.say(sentence, &[name]),
            frame,
            ticks: ticks(visit, &visit.app.config.scopes, chosen),
            problem: None,
            follows: vec![],
            csrf: visitor.csrf(&super::confirm::message(path, id)),
            path,
            id: id.to_owned(),
            back: String::new(),
        }
    }

    /// The same again, after nothing was ticked.
    pub(super) fn with_nothing_ticked(mut self, visit: &Visit) -> Self {
        self.ticks.iter_mut().for_each(|tick| tick.is_on = false);
        self.problem = Some(at_least_one(visit));
        self
    }
}
