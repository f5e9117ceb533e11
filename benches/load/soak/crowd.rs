//! Who uses the service: resource servers and a proxy that ask about tokens, apps that refresh theirs,
//! people who connect an app, apps that register. Their logins are the ledger: each must go on working
//! from round to round, whatever becomes of the service.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::visiting::Visiting;
use crate::data::Login;
use crate::exchange::{Answer, Connection};
use crate::generator::{Load, Script};
use crate::parts::{gate, introspection, refresh, registrations};
use crate::scripts::{Once, Template};

/// Logins that are refreshed, each every two seconds.
const KEPT: usize = 200;
/// Of each kind in a second: introspections, passes of the gate, refreshes, requests of people who
/// connect an app, registrations.
const PACES: [f64; 5] = [360.0, 100.0, 100.0, 20.0, 20.0];
/// By as many connections.
const CONNECTIONS: [usize; 5] = [16, 8, 8, 4, 2];

/// Logins whose turn comes in their order. Whoever refreshes one has it out of the row.
type Row = Arc<Mutex<VecDeque<Login>>>;

/// All of them.
pub(super) struct Crowd {
    /// Whose tokens nobody refreshes.
    resting: Arc<Vec<Login>>,
    kept: Row,
    rounds: usize,
}

impl Crowd {
    /// Who have these logins.
    pub(super) fn of(logins: &[Login]) -> Self {
        let (kept, resting) = logins.split_at(KEPT);
        Self {
            resting: Arc::new(resting.to_vec()),
            kept: Arc::new(Mutex::new(kept.to_vec().into())),
            rounds: 0,
        }
    }

    /// What they do in the next round: introspections first, refreshes third.
    pub(super) fn loads(&mut self, address: SocketAddr, length: Duration) -> Vec<Load> {
        self.rounds += 1;
        let asking =
            |template| Asking { template, resting: self.resting.clone(), kept: self.kept.clone() };
        let (introspection, gate) = (asking(live()), asking(gate()));
        let rotating = || Rotating { template: refresh(), row: self.kept.clone(), login: None };
        let registering = Once::new(registrations(self.rounds), 201);
        let client_id = &self.resting[0].client_id;
        let mut makes: [Box<dyn FnMut() -> Box<dyn Script> + '_>; 5] = [
            Box::new(|| Box::new(introspection.clone())),
            Box::new(|| Box::new(gate.clone())),
            Box::new(|| Box::new(rotating())),
            Box::new(|| Box::new(Visiting::of(client_id))),
            Box::new(|| Box::new(Patient(registering.clone()))),
        ];
        let each = makes.iter_mut().zip(PACES).zip(CONNECTIONS);
        each.map(|((make, pace), connections)| {
            let scripts = (0..connections).map(|_| make()).collect();
            Load { address, scripts, pace: Some(pace), length }
        })
        .collect()
    }

    /// Every login that is kept works: its access token, its refresh token, and what that brings.
    pub(super) fn roll_call(&self, address: SocketAddr) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut row = self.kept.lock().unwrap();
        assert_eq!(row.len(), KEPT, "somebody has kept a login for himself");
        runtime.block_on(async {
            let mut connection = Connection::to(address).await;
            for login in row.iter_mut() {
                ask(&mut connection, login).await;
                let request = refreshed(&refresh(), login);
                take(login, &connection.exchange(request.as_bytes()).await);
                ask(&mut connection, login).await;
            }
        });
    }
}

async fn ask(connection: &mut Connection, login: &Login) {
    let request = live().render(&[("token", &login.access)]);
    look(&live(), &connection.exchange(request.as_bytes()).await);
}

/// An introspection of what lives.
pub(super) fn live() -> Template {
    introspection("\"active\":true")
}

/// The answer is the right one.
fn look(template: &Template, answer: &Answer<'_>) {
    let right = answer.status == 200 && answer.body.contains(&template.expect);
    assert!(right, "{}{}", answer.head, answer.body);
}

fn refreshed(template: &Template, login: &Login) -> String {
    template.render(&[("client_id", &login.client_id), ("token", &login.refresh)])
}

fn take(login: &mut Login, answer: &Answer<'_>) {
    assert_eq!(answer.status, 200, "a login is lost: {}", answer.body);
    answer.member("access_token").clone_into(&mut login.access);
    answer.member("refresh_token").clone_into(&mut login.refresh);
}

/// Asks about the newest token of any login, half the time of one that is kept.
#[derive(Clone)]
struct Asking {
    template: Template,
    resting: Arc<Vec<Login>>,
    kept: Row,
}

impl Script for Asking {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let kept = self.kept.lock().unwrap();
        let any = |length| rand::random_range(0..length);
        let login = if rand::random() {
            &kept[any(kept.len())]
        } else {
            &self.resting[any(self.resting.len())]
        };
        let rendered = self.template.render(&[("token", &login.access)]);
        request.extend_from_slice(rendered.as_bytes());
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        look(&self.template, answer);
    }

    fn is_patient(&self) -> bool {
        true
    }
}

/// Refreshes one login after the other. When nobody answers it asks again with the same token.
struct Rotating {
    template: Template,
    row: Row,
    login: Option<Login>,
}

impl Script for Rotating {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let next = || self.row.lock().unwrap().pop_front().unwrap();
        let login = self.login.get_or_insert_with(next);
        request.extend_from_slice(refreshed(&self.template, login).as_bytes());
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        let mut login = self.login.take().unwrap();
        take(&mut login, answer);
        self.row.lock().unwrap().push_back(login);
    }

    fn is_patient(&self) -> bool {
        true
    }
}

/// Whoever has other things to say when nobody answers.
struct Patient<S>(S);

impl<S: Script> Script for Patient<S> {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        self.0.request(request)
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        self.0.answered(answer);
    }

    fn is_patient(&self) -> bool {
        true
    }
}
