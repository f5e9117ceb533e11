//! What it needs: memory, time to start, disk.

use std::fs;

use super::{Bench, ask_each, service};
use crate::rounds::median;
use crate::servers::{PROGRAM, Server};
use crate::table::Goal;

pub(super) fn run(bench: &mut Bench) {
    let database = bench.data.copy("footprint");
    let start = |_| Server::service(&database, &[]).started_in.as_secs_f64() * 1e3;
    let started = (0..bench.arguments.rounds).map(start).collect();
    let served = service(bench, "footprint");
    let idle = served.memory();
    ask_each(&served, &bench.data.access_tokens());
    let asked = served.memory() - idle;
    let size = fs::metadata(PROGRAM).unwrap().len() as f64 / 1e6;
    let tokens = bench.arguments.tokens();
    let hot = bench.data.logins.len();
    let table = &mut bench.table;
    table.number(
        &format!("first answer with {tokens} logins"),
        (median(started), "ms"),
        Goal::AtMost(30.0),
    );
    table.number(&format!("memory, idle, {tokens} logins"), (idle, "MiB"), Goal::AtMost(15.0));
    table.number(&format!("memory, after {hot} tokens"), (asked, "MiB more"), Goal::AtMost(75.0));
    table.number("program, stripped", (size, "MB"), Goal::AtMost(12.0));
}
