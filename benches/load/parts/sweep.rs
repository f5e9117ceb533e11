//! `--long`: dead rows are swept while apps refresh.

use super::{Bench, CONNECTIONS};
use crate::data::add_dead;
use crate::exchange::Connection;
use crate::generator::Script;
use crate::rounds::{Case, Measured, Series};
use crate::servers::Server;
use crate::table::Goal;

/// Each is a grant, a refresh token and an access token: three rows.
const DEAD_LOGINS: usize = 333_334;

pub(super) fn run(bench: &mut Bench) {
    if !bench.arguments.long {
        return;
    }
    let database = bench.data.copy("sweep");
    add_dead(&database, DEAD_LOGINS);
    // It sweeps as soon as it has started.
    let service = Server::service(&database, &[]);
    let mut sweeping = vec![refreshing(bench, &service)];
    while swept(&service) == 0 {
        sweeping.push(refreshing(bench, &service));
    }
    let idle: Vec<_> = sweeping.iter().map(|_| refreshing(bench, &service)).collect();
    let (sweeping, idle) = (Series(sweeping), Series(idle));
    bench.table.base(&format!("refresh, {CONNECTIONS} clients, nothing to sweep"), &idle);
    let ratio = sweeping.ratio(&idle, |one| one.p99.as_secs_f64());
    let name = "the same while a million dead rows are swept";
    bench.table.case(name, &sweeping, (ratio, "x p99 without"), Goal::AtMost(2.0));
}

fn refreshing(bench: &mut Bench, service: &Server) -> Measured {
    let mut logins = bench.refreshing(CONNECTIONS).into_iter();
    let make = Box::new(move |_| Box::new(logins.next().unwrap()) as Box<dyn Script>);
    let mut case = Case { server: service, connections: CONNECTIONS, make, pace: None };
    case.run(bench.arguments.length())
}

/// How many rows have gone; it is known once all have.
fn swept(service: &Server) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = Connection::to(service.address).await;
        let request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        let answer = connection.exchange(request).await;
        let line = answer.body.lines().find_map(|line| line.split_once("swept_rows_total "));
        line.unwrap().1.parse().unwrap()
    })
}
