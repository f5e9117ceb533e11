//! Introspection and the gate, against an empty handler.

use std::sync::Arc;

use mcp_oauthd::oauth::{TokenId, TokenKind, TokenSecret};

use super::{Bench, CONNECTIONS, ask_each, drawn, gate, introspection, service};
use crate::plot::Bar;
use crate::rounds::{Case, Series};
use crate::scripts::Template;
use crate::servers::{FORGETFUL, Server};
use crate::table::Goal;

const ACTIVE: &str = "\"active\":true";
const INACTIVE: &str = "\"active\":false";

/// How much slower an attacker's token may look in the noise of five rounds.
const NOISE: f64 = 0.95;

pub(super) fn run(bench: &mut Bench) {
    let live = bench.data.access_tokens();
    let (empty, served) = (Server::empty(), service(bench, "reads"));
    // On a file of its own: two processes on one file are more careful with what they remember.
    let forgetful = Server::service(&bench.data.copy("forgetful"), &FORGETFUL);
    ask_each(&served, &live);
    let garbage: Arc<Vec<_>> =
        Arc::new(live.iter().map(|token| token.replacen("mat_", "mat_x", 1)).collect());
    let unknown = Arc::new(live.iter().map(|token| forged(token)).collect());
    let inactive = introspection(INACTIVE);
    let asked = |server, make| Case { server, connections: CONNECTIONS, make, pace: None };
    let mut cases = [
        asked(&empty, drawn(&inactive, &live, 200)),
        asked(&served, drawn(&introspection(ACTIVE), &live, 200)),
        asked(&served, drawn(&inactive, &garbage, 200)),
        asked(&served, drawn(&inactive, &unknown, 200)),
        asked(&empty, drawn(&gate(), &live, 200)),
        asked(&served, drawn(&gate(), &live, 200)),
        asked(&served, drawn(&gate(), &garbage, 401)),
        asked(&forgetful, drawn(&introspection(ACTIVE), &live, 200)),
    ];
    let series = bench.measure(&mut cases);
    report(bench, &series);
    let pace = |n: usize| series[n].median(|one| one.rate) / 2.0;
    let servers = (&empty, &served);
    let asked = (&inactive, &introspection(ACTIVE));
    half_load(bench, "introspection", servers, asked, (pace(0), pace(1)));
    half_load(bench, "gate", servers, (&gate(), &gate()), (pace(4), pace(5)));
}

/// Each at half of what it can: how long the slowest answers take.
fn half_load(
    bench: &mut Bench,
    name: &str,
    (empty, served): (&Server, &Server),
    (of_empty, of_served): (&Template, &Template),
    paces: (f64, f64),
) {
    let live = bench.data.access_tokens();
    let case = |server, template: &Template, pace| Case {
        server,
        connections: CONNECTIONS,
        make: drawn(template, &live, 200),
        pace: Some(pace),
    };
    let mut cases = [case(empty, of_empty, paces.0), case(served, of_served, paces.1)];
    let series = bench.measure(&mut cases);
    bench.table.base(&format!("empty for {name}, half of its most"), &series[0]);
    let ratio = series[1].ratio(&series[0], |one| one.p99.as_secs_f64());
    let name = format!("{name}, half of its most");
    bench.table.case(&name, &series[1], (ratio, "x p99 of empty"), Goal::None);
}

fn report(bench: &mut Bench, series: &[Series]) {
    let goals = [
        ("empty POST handler", 0, Goal::None),
        ("introspection, live tokens", 0, Goal::Aim(0.9, 0.8)),
        ("introspection, garbage", 1, Goal::Aim(1.0, NOISE)),
        ("introspection, unknown tokens", 1, Goal::Aim(1.0, NOISE)),
        ("empty GET handler", 4, Goal::None),
        ("gate, live tokens", 4, Goal::Aim(0.93, 0.85)),
        ("gate, garbage", 5, Goal::Aim(1.0, NOISE)),
        ("introspection, none remembered", 0, Goal::AtLeast(0.55)),
    ];
    for (n, (name, base, goal)) in goals.into_iter().enumerate().take(series.len()) {
        let of = if base == 0 || base == 4 { "of empty" } else { "of live" };
        let ratio = series[n].ratio(&series[base], |one| one.rate);
        if n == base {
            bench.table.base(name, &series[n]);
        } else {
            bench.table.case(name, &series[n], (ratio, of), goal);
        }
        let rate = series[n].median(|one| one.rate);
        if [0, 1, 4, 5].contains(&n) {
            let (group, name) = ("asked on every request", name.to_owned());
            bench.bars.push(Bar { group, name, ours: n != base, rate });
        }
    }
}

/// A token as it could be, which was never issued: next to this one, so that as much is looked at.
fn forged(token: &str) -> String {
    let id = TokenSecret::parse(TokenKind::Access, token).unwrap().id();
    TokenSecret::generate(TokenKind::Access, TokenId(id.0 + 1)).reveal()
}
