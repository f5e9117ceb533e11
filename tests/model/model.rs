//! What is promised about codes and tokens, as plain data: RFC 6749 sections 4.1.3 and 6, RFC 7009, and
//! the rotation that is safe to retry. Tokens are numbers, in the order in which they were issued.

use mcp_oauthd::oauth::ErrorCode::{self, InvalidGrant, InvalidTarget};

const DAY: i64 = 86_400;
/// How far a retry follows, and how far back salts are erased.
const HOPS: usize = 8;

/// Lengths of time, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lifetimes {
    pub(crate) code: i64,
    pub(crate) access: i64,
    pub(crate) refresh: i64,
    pub(crate) grant: i64,
    pub(crate) grace: i64,
}

/// One of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    One,
    Other,
}

/// Which scope is asked for; `mcp read` has been granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Unsaid,
    Both,
    Read,
    ReadAndMore,
    SomethingElse,
}

impl Scope {
    /// May shrink, never grow; nothing in common counts as nothing asked.
    pub(crate) fn granted(self) -> &'static str {
        match self {
            Self::Read | Self::ReadAndMore => "read",
            Self::Unsaid | Self::Both | Self::SomethingElse => "mcp read",
        }
    }
}

/// How something is presented, where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) by: Client,
    pub(crate) scope: Scope,
    pub(crate) right_resource: bool,
    /// The PKCE verifier, and the redirect URI, of a code.
    pub(crate) right_proof: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Access(usize),
    Refresh(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A pair, new or the same again.
    Granted {
        refresh: usize,
        access: usize,
        scope: &'static str,
        expires_in: i64,
    },
    Refused(ErrorCode),
    /// `invalid_grant`, and what was given before has ended.
    Replayed,
    /// The token is worth something.
    Active,
    Inactive,
    Done,
}

#[derive(Debug, Clone, PartialEq)]
struct Code {
    client: Client,
    expires_at: i64,
    redeemed: Option<usize>,
    gone: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Grant {
    client: Client,
    expires_at: i64,
    revoked: bool,
    /// Written at most hourly, with a refresh.
    used_at: i64,
    /// A day later nobody knows the grant any more.
    tokens_until: i64,
    gone: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Access {
    grant: usize,
    generation: usize,
    scope: &'static str,
    issued_at: i64,
    expires_at: i64,
    gone: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Refresh {
    grant: usize,
    previous: Option<usize>,
    expires_at: i64,
    used: Option<Use>,
    confirmed: bool,
    gone: bool,
}

/// Of a refresh token: when, and what followed.
#[derive(Debug, Clone, PartialEq)]
struct Use {
    at: i64,
    refresh: usize,
    access: usize,
    /// Without it nobody can derive again what followed.
    salt: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    pub(crate) now: i64,
    lifetimes: Lifetimes,
    codes: Vec<Code>,
    grants: Vec<Grant>,
    accesses: Vec<Access>,
    refreshes: Vec<Refresh>,
}

impl Model {
    pub(crate) fn new(now: i64, lifetimes: Lifetimes) -> Self {
        let (codes, grants, accesses, refreshes) = (vec![], vec![], vec![], vec![]);
        Self { now, lifetimes, codes, grants, accesses, refreshes }
    }

    /// A person says yes.
    pub(crate) fn authorize(&mut self, client: Client) {
        let expires_at = self.now + self.lifetimes.code;
        self.codes.push(Code { client, expires_at, redeemed: None, gone: false });
    }

    /// Once, by its client with its proof. A second valid use ends what the first gave.
    pub(crate) fn redeem(&mut self, code: usize, manner: Manner) -> Answer {
        let Code { client, expires_at, redeemed, gone } = self.codes[code].clone();
        if gone || client != manner.by || !manner.right_proof {
            return Answer::Refused(InvalidGrant);
        }
        if !manner.right_resource {
            return Answer::Refused(InvalidTarget);
        }
        if let Some(grant) = redeemed {
            self.grants[grant].revoked = true;
            return Answer::Replayed;
        }
        if expires_at <= self.now {
            return Answer::Refused(InvalidGrant);
        }
        let grant = self.grants.len();
        let expires_at = self.now + self.lifetimes.grant;
        let tokens_until = self.tokens_until(expires_at);
        let used_at = self.now;
        self.grants.push(Grant {
            client,
            expires_at,
            revoked: false,
            used_at,
            tokens_until,
            gone: false,
        });
        self.codes[code].redeemed = Some(grant);
        let refresh = self.issue_refresh(grant, None);
        let access = self.issue_access(grant, refresh, Scope::Both);
        self.granted(refresh, access)
    }

    /// `grant_type=refresh_token`. A refused request consumes nothing.
    pub(crate) fn refresh(&mut self, token: usize, manner: Manner) -> Answer {
        let row = &self.refreshes[token];
        let grant = &self.grants[row.grant];
        if row.gone || grant.gone || grant.client != manner.by || !self.is_live(row.grant) {
            return Answer::Refused(InvalidGrant);
        }
        if !manner.right_resource {
            return Answer::Refused(InvalidTarget);
        }
        match &row.used {
            // Of an unused token only does the expiry count.
            None if row.expires_at <= self.now => Answer::Refused(InvalidGrant),
            None => self.rotate(token, manner.scope),
            Some(used) => {
                let in_grace = self.is_in_grace(used.at);
                self.retry(token, manner.scope, in_grace)
            }
        }
    }

    /// The MCP server is told what an access token is worth; its generation is confirmed by that.
    pub(crate) fn use_access(&mut self, token: usize) -> Answer {
        if !self.is_active(token) {
            return Answer::Inactive;
        }
        let generation = self.accesses[token].generation;
        self.refreshes[generation].confirmed = true;
        Answer::Active
    }

    /// Either token ends the grant, a used or an expired one too.
    pub(crate) fn revoke(&mut self, token: Token, by: Client) -> Answer {
        let Some(grant) = self.grant_of(token) else { return Answer::Done };
        if self.grants[grant].client != by {
            return Answer::Refused(InvalidGrant);
        }
        self.grants[grant].revoked = true;
        Answer::Done
    }

    /// The person takes her yes back.
    pub(crate) fn disconnect(&mut self, refresh: usize) -> Answer {
        if let Some(grant) = self.grant_of(Token::Refresh(refresh)) {
            self.grants[grant].revoked = true;
        }
        Answer::Done
    }

    /// Rows are kept for a day after they mean anything; a used refresh token for another lifetime.
    pub(crate) fn sweep(&mut self) {
        let (day_ago, refresh_ago) = (self.now - DAY, self.now - self.lifetimes.refresh);
        for code in &mut self.codes {
            code.gone |= code.expires_at < day_ago;
        }
        for access in &mut self.accesses {
            access.gone |= access.expires_at < day_ago;
        }
        for refresh in &mut self.refreshes {
            let used = refresh.used.as_ref();
            let kept = used.is_some_and(|used| used.at >= refresh_ago);
            refresh.gone |= refresh.expires_at < day_ago && !kept;
        }
        for grant in &mut self.grants {
            grant.gone |= grant.tokens_until < day_ago;
        }
    }

    /// Until its own end, or that of its grant.
    pub(crate) fn is_active(&self, access: usize) -> bool {
        let access = &self.accesses[access];
        self.now < access.expires_at && self.is_live(access.grant)
    }

    pub(crate) fn scope(&self, access: usize) -> &'static str {
        self.accesses[access].scope
    }

    /// Whose token it is.
    pub(crate) fn client_of(&self, token: Token) -> Client {
        let grant = match token {
            Token::Access(token) => self.accesses[token].grant,
            Token::Refresh(token) => self.refreshes[token].grant,
        };
        self.grants[grant].client
    }

    pub(crate) fn client_of_code(&self, code: usize) -> Client {
        self.codes[code].client
    }

    /// All that is known, by names that do not depend on the order of what happened at once.
    pub(crate) fn shape(
        &self,
        codes: &[String],
        refreshes: &[String],
        accesses: &[String],
    ) -> Vec<String> {
        let of_code = |grant| self.codes.iter().position(|code| code.redeemed == Some(grant));
        let grant =
            |id: usize| format!("{:?} {:?}", of_code(id).map(|code| &codes[code]), self.grants[id]);
        let codes =
            self.codes.iter().zip(codes).map(|(code, text)| {
                format!("{text} {:?}", Code { redeemed: None, ..code.clone() })
            });
        let accesses_of = self.accesses.iter().zip(accesses).map(|(access, text)| {
            let (grant, generation) = (grant(access.grant), &refreshes[access.generation]);
            let plain = Access { grant: 0, generation: 0, ..access.clone() };
            format!("{text} {plain:?} {grant} {generation}")
        });
        let refreshes_of = self.refreshes.iter().zip(refreshes).map(|(refresh, text)| {
            let previous = refresh.previous.map(|id| &refreshes[id]);
            let used = refresh.used.as_ref();
            let used = used
                .map(|used| (used.at, &refreshes[used.refresh], &accesses[used.access], used.salt));
            let plain = Refresh { grant: 0, previous: None, used: None, ..refresh.clone() };
            format!("{text} {plain:?} {} {previous:?} {used:?}", grant(refresh.grant))
        });
        let mut shape: Vec<_> = codes.chain(accesses_of).chain(refreshes_of).collect();
        shape.sort_unstable();
        shape
    }

    fn rotate(&mut self, token: usize, scope: Scope) -> Answer {
        let grant = self.refreshes[token].grant;
        let refresh = self.issue_refresh(grant, Some(token));
        let access = self.issue_access(grant, refresh, scope);
        self.refreshes[token].used = Some(Use { at: self.now, refresh, access, salt: true });
        self.note_use(grant);
        self.erase_salts(token);
        self.granted(refresh, access)
    }

    /// At most hourly.
    fn note_use(&mut self, grant: usize) {
        if self.now - self.grants[grant].used_at >= 3600 {
            let tokens_until = self.tokens_until(self.grants[grant].expires_at);
            let grant = &mut self.grants[grant];
            (grant.used_at, grant.tokens_until) = (self.now, tokens_until);
        }
    }

    /// Of predecessors whose grace is over.
    fn erase_salts(&mut self, token: usize) {
        let mut previous = self.refreshes[token].previous;
        for _ in 0..HOPS {
            let Some(id) = previous.filter(|id| !self.refreshes[*id].gone) else { break };
            previous = self.refreshes[id].previous;
            let at = self.refreshes[id].used.as_ref().map(|used| used.at);
            if at.is_some_and(|at| !self.is_in_grace(at))
                && let Some(used) = &mut self.refreshes[id].used
            {
                used.salt = false;
            }
        }
    }

    /// Within the grace: the tip that follows, of eight at most. Later: what followed immediately, while
    /// nobody has seen it at work. Anything else is a replay, and ends the grant.
    fn retry(&mut self, token: usize, scope: Scope, in_grace: bool) -> Answer {
        let mut at = token;
        for _ in 0..HOPS {
            let Some(used) = self.refreshes[at].used.clone() else { break };
            let next = &self.refreshes[used.refresh];
            if !used.salt || next.gone {
                break;
            }
            if next.used.is_none() && (in_grace || !next.confirmed) {
                return self.answer_again(at, scope);
            }
            if !in_grace {
                break;
            }
            at = used.refresh;
        }
        if in_grace {
            return Answer::Refused(InvalidGrant);
        }
        let grant = self.refreshes[token].grant;
        self.grants[grant].revoked = true;
        Answer::Replayed
    }

    /// The pair that followed; its access token, while over half its life is left, else a fresh one.
    fn answer_again(&mut self, token: usize, scope: Scope) -> Answer {
        let Some(Use { refresh, access, .. }) = self.refreshes[token].used else { unreachable!() };
        if self.refreshes[refresh].expires_at <= self.now {
            return Answer::Refused(InvalidGrant);
        }
        let Access { issued_at, expires_at, gone, grant, .. } = self.accesses[access];
        if !gone && (expires_at - self.now) * 2 > expires_at - issued_at {
            return self.granted(refresh, access);
        }
        let access = self.issue_access(grant, refresh, scope);
        if let Some(used) = &mut self.refreshes[token].used {
            used.access = access;
        }
        self.note_use(grant);
        self.granted(refresh, access)
    }

    fn issue_access(&mut self, grant: usize, generation: usize, scope: Scope) -> usize {
        let expires_at = (self.now + self.lifetimes.access).min(self.grants[grant].expires_at);
        let (scope, issued_at) = (scope.granted(), self.now);
        let access = Access { grant, generation, scope, issued_at, expires_at, gone: false };
        self.accesses.push(access);
        self.accesses.len() - 1
    }

    fn issue_refresh(&mut self, grant: usize, previous: Option<usize>) -> usize {
        let expires_at = (self.now + self.lifetimes.refresh).min(self.grants[grant].expires_at);
        let (used, confirmed, gone) = (None, false, false);
        self.refreshes.push(Refresh { grant, previous, expires_at, used, confirmed, gone });
        self.refreshes.len() - 1
    }

    fn granted(&self, refresh: usize, access: usize) -> Answer {
        let Access { scope, expires_at, .. } = self.accesses[access];
        Answer::Granted { refresh, access, scope, expires_in: expires_at - self.now }
    }

    /// The grant of a token that is still known.
    fn grant_of(&self, token: Token) -> Option<usize> {
        let (grant, gone) = match token {
            Token::Access(token) => (self.accesses[token].grant, self.accesses[token].gone),
            Token::Refresh(token) => (self.refreshes[token].grant, self.refreshes[token].gone),
        };
        (!gone && !self.grants[grant].gone).then_some(grant)
    }

    fn is_live(&self, grant: usize) -> bool {
        !self.grants[grant].revoked && self.now < self.grants[grant].expires_at
    }

    /// Within so many seconds of the first use, or before it, if the clock has stepped back.
    fn is_in_grace(&self, used_at: i64) -> bool {
        let since = self.now - used_at;
        since < 0 || self.lifetimes.grace > 0 && since <= self.lifetimes.grace
    }

    fn tokens_until(&self, grant_ends: i64) -> i64 {
        (self.now + self.lifetimes.refresh.max(self.lifetimes.access)).min(grant_ends)
    }
}
