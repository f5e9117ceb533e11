//! What happens, as it is drawn, and played to both.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::candidate::Candidate;
use crate::model::{Client, Lifetimes, Manner, Model, Scope};
use crate::service::{Action, Response, Service};

const DAY: i64 = 86_400;

/// A run of a service from its first day on.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    lifetimes: Lifetimes,
    /// Whether the clock is stepped back now and then. Nothing is swept then: what is gone would stay
    /// gone, and the edges of tables are by the time at which rows were drawn.
    steps_back: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Do(Drawn),
    /// At the same time.
    Race(Vec<Drawn>),
    Wait(i64),
    Sweep,
    Crash,
    /// In the middle of something, which is then not there; where its log is cut off.
    CrashDuring(Drawn, usize),
    /// After something, whose answer nobody gets.
    CrashAfter(Drawn),
}

/// An action on a token that is chosen when it is known which there are: so many back from the newest.
#[derive(Debug, Clone)]
struct Drawn {
    kind: Kind,
    back: usize,
    /// Not by the client whose it is.
    stranger: bool,
    scope: Scope,
    right_resource: bool,
    right_proof: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Authorize,
    Redeem,
    Refresh,
    Use,
    RevokeAccess,
    RevokeRefresh,
    Disconnect,
}

pub(crate) fn stories() -> impl Strategy<Value = Story> {
    (lifetimes(), any::<bool>(), vec(step(), 1..40))
        .prop_map(|(lifetimes, steps_back, steps)| Story { lifetimes, steps_back, steps })
}

fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    let access = prop_oneof![4 => Just(3600), 2 => Just(3 * DAY), 1 => Just(60)];
    let refresh = prop_oneof![4 => Just(30 * DAY), 2 => Just(5 * DAY), 1 => Just(1800)];
    let grant = prop_oneof![3 => Just(365 * DAY), 2 => Just(45 * DAY)];
    let grace = prop_oneof![4 => Just(120), 1 => Just(0)];
    (access, refresh, grant, grace).prop_map(|(access, refresh, grant, grace)| Lifetimes {
        code: 600,
        access,
        refresh,
        grant,
        grace,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => drawn().prop_map(Step::Do),
        5 => vec(drawn(), 2..=3).prop_map(Step::Race),
        8 => wait().prop_map(Step::Wait),
        2 => Just(Step::Sweep),
        1 => Just(Step::Crash),
        2 => (drawn(), any::<u16>()).prop_map(|(drawn, cut)| Step::CrashDuring(drawn, cut.into())),
        2 => drawn().prop_map(Step::CrashAfter),
    ]
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let kind = prop_oneof![
        3 => Just(Kind::Authorize),
        5 => Just(Kind::Redeem),
        16 => Just(Kind::Refresh),
        5 => Just(Kind::Use),
        1 => Just(Kind::RevokeAccess),
        1 => Just(Kind::RevokeRefresh),
        1 => Just(Kind::Disconnect),
    ];
    let back = prop_oneof![8 => Just(0), 6 => Just(1), 3 => Just(2), 2 => 3_usize..12];
    let scope = prop_oneof![
        6 => Just(Scope::Unsaid),
        1 => Just(Scope::Both),
        1 => Just(Scope::Read),
        1 => Just(Scope::ReadAndMore),
        1 => Just(Scope::SomethingElse),
    ];
    let rarely = || prop::bool::weighted(0.06);
    (kind, back, rarely(), scope, rarely(), rarely()).prop_map(
        |(kind, back, stranger, scope, wrong_resource, wrong_proof)| Drawn {
            kind,
            back,
            stranger,
            scope,
            right_resource: !wrong_resource,
            right_proof: !wrong_proof,
        },
    )
}

/// On both sides of every edge; below zero, where the clock steps back.
fn wait() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_i64..100,
        3 => prop::sample::select(vec![119, 120, 121]),
        2 => prop::sample::select(vec![29, 30, 31, 599, 600, 601, 1799, 1800, 1801]),
        2 => prop::sample::select(vec![3599, 3600, 3601]),
        2 => prop::sample::select(vec![DAY - 1, DAY, DAY + 1, 2 * DAY, 4 * DAY, 5 * DAY]),
        2 => prop::sample::select(vec![29 * DAY, 30 * DAY - 1, 30 * DAY, 31 * DAY, 32 * DAY]),
        1 => -4000_i64..0,
    ]
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static TEMPLATE: LazyLock<Service> = LazyLock::new(|| RUNTIME.block_on(Service::template()));

/// The service, and every way in which what it has answered may have come about: of a race there can be
/// several, until something tells them apart.
struct Play {
    service: Arc<Service>,
    candidates: Vec<Candidate>,
}

impl Story {
    /// Tells the story to the model and the service.
    ///
    /// # Errors
    /// Where they disagree, and what has happened until then.
    pub(crate) fn play(&self) -> Result<(), String> {
        let service = Service::like(&TEMPLATE, &self.lifetimes);
        let model = Model::new(service.now(), self.lifetimes.clone());
        let mut play = Play { service: Arc::new(service), candidates: vec![Candidate::new(model)] };
        let mut told = String::new();
        for step in &self.steps {
            let _written = writeln!(told, "{step:?}");
            let outcome = RUNTIME.block_on(async {
                play.step(step, self.steps_back).await?;
                play.compare().await
            });
            outcome.map_err(|disagreement| format!("{told}{disagreement}"))?;
        }
        Ok(())
    }
}

impl Play {
    async fn step(&mut self, step: &Step, steps_back: bool) -> Result<(), String> {
        match step {
            Step::Do(drawn) => self.act(&[drawn]).await?,
            Step::Race(drawn) => self.act(&drawn.iter().collect::<Vec<_>>()).await?,
            Step::Wait(seconds) if *seconds >= 0 || steps_back => {
                self.service.wait(*seconds);
                self.each(|candidate| candidate.model.now += seconds);
            }
            Step::Sweep if !steps_back => {
                self.service.sweep().await;
                self.each(|candidate| candidate.model.sweep());
            }
            Step::Wait(_) | Step::Sweep => {}
            Step::Crash => self.service = Arc::new(self.service.crashed()),
            Step::CrashDuring(drawn, cut) => {
                if let Some(action) = self.resolve(drawn) {
                    self.service = Arc::new(self.service.crashed_during(&action, *cut).await);
                }
            }
            Step::CrashAfter(drawn) => {
                self.act(&[drawn]).await?;
                self.service = Arc::new(self.service.crashed());
            }
        }
        Ok(())
    }

    /// All at once; what came of it has to be what comes of one order.
    async fn act(&mut self, drawn: &[&Drawn]) -> Result<(), String> {
        let actions: Vec<_> = drawn.iter().filter_map(|drawn| self.resolve(drawn)).collect();
        let racers: Vec<_> = actions
            .into_iter()
            .map(|action| {
                let service = self.service.clone();
                tokio::spawn(async move {
                    let response = service.ask(&action).await;
                    (action, response)
                })
            })
            .collect();
        let mut done = vec![];
        for racer in racers {
            done.push(racer.await.map_err(|error| error.to_string())?);
        }
        let mut possible: Vec<Candidate> = vec![];
        let mut disagreement = String::new();
        for candidate in &self.candidates {
            for order in orders(&done) {
                match in_order(candidate.clone(), &order) {
                    Ok(candidate) if possible.iter().any(|known| known.is_like(&candidate)) => {}
                    Ok(candidate) => possible.push(candidate),
                    Err(why) => disagreement = format!("{why}\nafter {done:#?}"),
                }
            }
        }
        self.candidates = possible;
        if self.candidates.is_empty() { Err(disagreement) } else { Ok(()) }
    }

    /// Every token ever issued is worth what the model says.
    async fn compare(&mut self) -> Result<(), String> {
        let first = &self.candidates[0];
        let mut scopes = vec![];
        for access in &first.accesses {
            scopes.push((access.clone(), self.service.scope(access).await));
        }
        let mut answers = vec![];
        for probe in first.probes() {
            let answer = self.service.would_answer(&probe).await;
            answers.push((probe, answer));
        }
        let mut disagreement = String::new();
        self.candidates.retain(|candidate| {
            let same = values(candidate, &scopes).and_then(|()| would_be(candidate, &answers));
            same.map_err(|why| disagreement = why).is_ok()
        });
        if self.candidates.is_empty() { Err(disagreement) } else { Ok(()) }
    }

    /// On which token; none, if there is none of the kind yet.
    fn resolve(&self, drawn: &Drawn) -> Option<Action> {
        let known = &self.candidates[0];
        let chosen =
            |texts: &[String]| texts.iter().rev().nth(drawn.back).or(texts.last()).cloned();
        let manner = |by| Manner {
            by,
            scope: drawn.scope,
            right_resource: drawn.right_resource,
            right_proof: drawn.right_proof,
        };
        let by = |text: &str| match (known.owner(text), drawn.stranger) {
            (Client::One, false) | (Client::Other, true) => Client::One,
            (Client::Other, false) | (Client::One, true) => Client::Other,
        };
        Some(match drawn.kind {
            Kind::Authorize => Action::Authorize {
                client: if drawn.back > 1 { Client::Other } else { Client::One },
            },
            Kind::Redeem => {
                let code = chosen(&known.codes)?;
                Action::Redeem { manner: manner(by(&code)), code }
            }
            Kind::Refresh => {
                let token = chosen(&known.refreshes)?;
                Action::Refresh { manner: manner(by(&token)), token }
            }
            Kind::Use => Action::Use { access: chosen(&known.accesses)? },
            Kind::RevokeAccess => {
                let token = chosen(&known.accesses)?;
                Action::Revoke { by: by(&token), token }
            }
            Kind::RevokeRefresh => {
                let token = chosen(&known.refreshes)?;
                Action::Revoke { by: by(&token), token }
            }
            Kind::Disconnect => Action::Disconnect { refresh: chosen(&known.refreshes)? },
        })
    }

    fn each(&mut self, change: impl Fn(&mut Candidate)) {
        self.candidates.iter_mut().for_each(change);
    }
}

fn in_order(mut candidate: Candidate, done: &[(Action, Response)]) -> Result<Candidate, String> {
    for (action, response) in done {
        candidate.agrees(action, response)?;
    }
    Ok(candidate)
}

fn values(candidate: &Candidate, scopes: &[(String, Option<String>)]) -> Result<(), String> {
    for (text, scope) in scopes {
        let Some(id) = candidate.accesses.iter().position(|access| access == text) else {
            return Err(format!("{text} should not be there"));
        };
        let expected = candidate.model.is_active(id).then(|| candidate.model.scope(id));
        if scope.as_deref() != expected {
            return Err(format!("access token {id} is worth {scope:?}, not {expected:?}"));
        }
    }
    Ok(())
}

fn would_be(candidate: &Candidate, answers: &[(Action, Response)]) -> Result<(), String> {
    for (probe, answer) in answers {
        candidate.would_agree(probe, answer).map_err(|why| format!("{why}\nto {probe:?}"))?;
    }
    Ok(())
}

/// Every order of a few.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() <= 1 {
        return vec![items.to_vec()];
    }
    let mut all = vec![];
    for (place, first) in items.iter().enumerate() {
        let rest = [&items[..place], &items[place + 1..]].concat();
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}
