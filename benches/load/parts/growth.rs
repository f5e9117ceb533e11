//! The same questions with ever more rows behind them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Bench, CONNECTIONS, ask_each, drawn, introspection};
use crate::data::Data;
use crate::rounds::Case;
use crate::servers::{FORGETFUL, Server};
use crate::table::Goal;

/// As many tokens are asked about, however many there are.
const ASKED: usize = 10_000;

pub(super) fn run(bench: &mut Bench) {
    let mut sizes = vec![10_000, bench.arguments.tokens()];
    if bench.arguments.long {
        sizes.push(10_000_000);
    }
    let all: Vec<Data> = sizes.iter().map(|tokens| Data::with(*tokens)).collect();
    let copy = |(data, tokens): (&Data, &usize)| data.copy(&format!("growth-{tokens}"));
    let copies: Vec<PathBuf> = all.iter().zip(&sizes).map(copy).collect();
    let start = |settings: &[(&str, &str)]| -> Vec<Server> {
        copies.iter().map(|copy| Server::service(copy, settings)).collect()
    };
    compare(bench, (&sizes, &all), &start(&[]), ("", Goal::AtMost(1.3)));
    let goal = Goal::AtMost(1.6);
    compare(bench, (&sizes, &all), &start(&FORGETFUL), (", none remembered", goal));
    for (tokens, data) in sizes.iter().zip(&all) {
        let bytes = fs::metadata(&data.database).unwrap().len() as f64;
        let each = bytes / *tokens as f64 * 1e6 / 1024.0 / 1024.0;
        let name = format!("file with {tokens} logins, for a million");
        bench.table.number(&name, (each, "MiB"), Goal::None);
    }
}

fn compare(
    bench: &mut Bench,
    (sizes, all): (&[usize], &[Data]),
    servers: &[Server],
    (how, goal): (&str, Goal),
) {
    let case = |(data, server): (&Data, _)| {
        let every = data.logins.len().div_ceil(ASKED);
        let asked = data.logins.iter().step_by(every).map(|login| login.access.clone());
        let asked = Arc::new(asked.collect());
        ask_each(server, &asked);
        let make = drawn(&introspection("\"active\":true"), &asked, 200);
        Case { server, connections: CONNECTIONS, make, pace: None }
    };
    let mut cases: Vec<Case<'_>> = all.iter().zip(servers).map(case).collect();
    let series = bench.measure(&mut cases);
    for ((tokens, server), of_size) in sizes.iter().zip(servers).zip(&series) {
        let name = format!("introspection of {ASKED} among {tokens}{how}");
        if *tokens == sizes[0] {
            bench.table.base(&name, of_size);
        } else {
            let ratio = of_size.ratio(&series[0], |one| one.cpu.as_secs_f64());
            bench.table.case(&name, of_size, (ratio, "x CPU of fewest"), goal);
        }
        let started = server.started_in.as_secs_f64() * 1e3;
        let name = format!("first answer with {tokens} logins{how}");
        bench.table.number(&name, (started, "ms"), Goal::None);
    }
}
