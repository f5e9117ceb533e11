//! What is measured, part by part.

mod footprint;
mod growth;
mod mixed;
mod peers;
mod reads;
mod sweep;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;

use crate::arguments::Arguments;
use crate::data::{Data, Login, SECRET};
use crate::plot::Bar;
use crate::rounds::{Case, Make, Series, measure};
use crate::scripts::{Drawn, Once, Refreshing, Template};
use crate::servers::Server;
use crate::table::Table;

/// A name, and what is measured under it.
type Part = (&'static str, fn(&mut Bench));

/// The parts, in their order.
pub(crate) const PARTS: [Part; 7] = [
    ("reads", reads::run),
    ("writes", writes::run),
    ("mixed", mixed::run),
    ("growth", growth::run),
    ("footprint", footprint::run),
    ("sweep", sweep::run),
    ("peers", peers::run),
];

/// As many connections as a few resource servers and proxies keep.
const CONNECTIONS: usize = 32;

/// What the parts share.
pub(crate) struct Bench {
    pub(crate) arguments: Arguments,
    pub(crate) table: Table,
    pub(crate) bars: Vec<Bar>,
    data: Data,
    /// The logins that no part has used yet.
    unused: std::ops::RangeFrom<usize>,
}

impl Bench {
    /// With the database filled.
    pub(crate) fn new(arguments: Arguments) -> Self {
        let data = Data::with(arguments.tokens());
        Self { arguments, table: Table::default(), bars: vec![], data, unused: 0.. }
    }

    fn measure(&self, cases: &mut [Case<'_>]) -> Vec<Series> {
        measure(self.arguments.rounds, self.arguments.length(), cases)
    }

    /// A login that nobody has refreshed, in the copies that are made of the database.
    fn login(&mut self) -> Login {
        let next = self.unused.next().unwrap();
        self.data.logins[next].clone()
    }

    /// As many of them.
    fn refreshing(&mut self, connections: usize) -> Vec<Refreshing> {
        (0..connections).map(|_| Refreshing { template: refresh(), login: self.login() }).collect()
    }
}

/// The same request each time, with any of the tokens.
fn drawn<'a>(template: &Template, tokens: &Arc<Vec<String>>, status: u16) -> Make<'a> {
    let script = Drawn::new(template, tokens, status);
    Box::new(move |_| Box::new(script.clone()))
}

/// Asks about each token once: what can be remembered of it is remembered then.
fn ask_each(server: &Server, tokens: &Arc<Vec<String>>) {
    let (template, tokens) = (introspection(""), tokens.clone());
    let requests =
        (0..tokens.len()).map(move |n| template.render(&[("token", tokens[n].as_str())]));
    let script = Once::new(requests, 200);
    let make: Make<'_> = Box::new(move |_| Box::new(script.clone()));
    Case { server, connections: CONNECTIONS, make, pace: None }.run(Duration::from_mins(1));
}

pub(crate) fn introspection(expect: &str) -> Template {
    let credentials = BASE64.encode(format!("wiki:{SECRET}").as_bytes());
    Template {
        line: "POST /introspect".to_owned(),
        headers: vec![format!("Authorization: Basic {credentials}")],
        form: Some("token={token}&token_type_hint=access_token".to_owned()),
        expect: expect.to_owned(),
    }
}

pub(crate) fn gate() -> Template {
    Template {
        line: "GET /gate/wiki/mcp".to_owned(),
        headers: vec!["Authorization: Bearer {token}".to_owned()],
        form: None,
        expect: String::new(),
    }
}

pub(crate) fn refresh() -> Template {
    let form = "grant_type=refresh_token&client_id={client_id}&refresh_token={token}";
    posted("/token", form)
}

fn registration() -> Template {
    let json = r#"{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"client_name":"App {n}"}"#;
    posted("/register", json)
}

/// Requests for registration, none like another; nor like those of other series.
pub(crate) fn registrations(series: usize) -> impl Iterator<Item = String> + Send + 'static {
    let template = registration();
    (0..).map(move |n: u32| template.render(&[("n", &format!("{series:03}{n:06}"))]))
}

pub(crate) fn posted(path: &str, form: &str) -> Template {
    Template {
        line: format!("POST {path}"),
        headers: vec![],
        form: Some(form.to_owned()),
        expect: String::new(),
    }
}

/// The service, on a copy of the database of this name.
fn service(bench: &Bench, name: &str) -> Server {
    Server::service(&bench.data.copy(name), &[])
}
