//! One way in which everything may have happened: the model, and which text each of its tokens has.

use mcp_oauthd::oauth::ErrorCode;

use crate::model::{Answer, Client, Manner, Model, Scope, Token};
use crate::service::{Action, Response};

#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) model: Model,
    pub(crate) codes: Vec<String>,
    pub(crate) refreshes: Vec<String>,
    pub(crate) accesses: Vec<String>,
}

impl Candidate {
    pub(crate) fn new(model: Model) -> Self {
        Self { model, codes: vec![], refreshes: vec![], accesses: vec![] }
    }

    /// The model does the same; whether this was the answer.
    pub(crate) fn agrees(&mut self, action: &Action, response: &Response) -> Result<(), String> {
        if let (Action::Authorize { client }, Response::Code(code)) = (action, response) {
            self.model.authorize(*client);
            self.codes.push(code.clone());
            return Ok(());
        }
        let answer = self.answer(action);
        let same = match (&answer, response) {
            (Answer::Refused(code), Response::Refused(other)) => code == other,
            // Nobody is told; of what is not done it is known.
            (Answer::Replayed, Response::Refused(code)) => *code == ErrorCode::InvalidGrant,
            (Answer::Active, Response::Active)
            | (Answer::Replayed, Response::Replayed)
            | (Answer::Inactive, Response::Inactive)
            | (Answer::Done, Response::Done) => true,
            (Answer::Granted { refresh, access, scope, expires_in }, Response::Pair(pair)) => {
                let Some(refresh_token) = &pair.refresh_token else {
                    return Err(said(&answer, response));
                };
                is_named(&mut self.refreshes, *refresh, refresh_token)
                    && is_named(&mut self.accesses, *access, &pair.access_token)
                    && pair.scope == *scope
                    && pair.expires_in == *expires_in
            }
            _ => false,
        };
        if same { Ok(()) } else { Err(said(&answer, response)) }
    }

    /// As [`Candidate::agrees`], of something that is not done.
    pub(crate) fn would_agree(&self, action: &Action, response: &Response) -> Result<(), String> {
        let mut undone = self.clone();
        if *response == Response::Refused(ErrorCode::InvalidGrant) {
            let answer = undone.answer(action);
            let refused = answer == Answer::Refused(ErrorCode::InvalidGrant);
            return if refused { Ok(()) } else { Err(said(&answer, response)) };
        }
        undone.agrees(action, response)
    }

    /// Whether nothing can ever tell them apart.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let shape = |it: &Self| it.model.shape(&it.codes, &it.refreshes, &it.accesses);
        shape(self) == shape(other)
    }

    /// The right way to present a code, and a refresh token.
    pub(crate) fn probes(&self) -> Vec<Action> {
        let manner =
            |by| Manner { by, scope: Scope::Unsaid, right_resource: true, right_proof: true };
        let codes = self.codes.iter().enumerate().map(|(id, code)| {
            let manner = manner(self.model.client_of_code(id));
            Action::Redeem { code: code.clone(), manner }
        });
        let refreshes = self.refreshes.iter().enumerate().map(|(id, token)| {
            let manner = manner(self.model.client_of(Token::Refresh(id)));
            Action::Refresh { token: token.clone(), manner }
        });
        codes.chain(refreshes).collect()
    }

    /// The client of a token or a code, by its text.
    pub(crate) fn owner(&self, text: &str) -> Client {
        match (place(&self.codes, text), self.token(text)) {
            (Some(code), _) => self.model.client_of_code(code),
            (None, Some(token)) => self.model.client_of(token),
            (None, None) => panic!("{text} is unknown"),
        }
    }

    fn answer(&mut self, action: &Action) -> Answer {
        let known = |texts: &[String], text: &str| place(texts, text).unwrap();
        match action {
            Action::Authorize { .. } => panic!("an authorization has no other answer"),
            Action::Redeem { code, manner } => self.model.redeem(known(&self.codes, code), *manner),
            Action::Refresh { token, manner } => {
                self.model.refresh(known(&self.refreshes, token), *manner)
            }
            Action::Use { access } => self.model.use_access(known(&self.accesses, access)),
            Action::Revoke { token, by } => self.model.revoke(self.token(token).unwrap(), *by),
            Action::Disconnect { refresh } => {
                self.model.disconnect(known(&self.refreshes, refresh))
            }
        }
    }

    fn token(&self, text: &str) -> Option<Token> {
        let access = place(&self.accesses, text).map(Token::Access);
        access.or_else(|| place(&self.refreshes, text).map(Token::Refresh))
    }
}

/// Whether the token with this number has this text; a new one has a text that no other has.
fn is_named(texts: &mut Vec<String>, id: usize, text: &str) -> bool {
    if id < texts.len() {
        return texts[id] == text;
    }
    let is_new = id == texts.len() && place(texts, text).is_none();
    texts.push(text.to_owned());
    is_new
}

fn place(texts: &[String], text: &str) -> Option<usize> {
    texts.iter().position(|known| known == text)
}

fn said(answer: &Answer, response: &Response) -> String {
    format!("the model says {answer:?}, the service {response:?}")
}
