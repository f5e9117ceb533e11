//! What is on the disk before it is answered, against SQLite's own ceiling.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Bench, CONNECTIONS, posted, registrations};
use crate::ceiling::{Ceiling, Effort};
use crate::data::{FOLDER, VERIFIER, add_codes};
use crate::generator::Script;
use crate::machine;
use crate::plot::Bar;
use crate::rounds::{Case, Series, median};
use crate::scripts::Once;
use crate::servers::Server;
use crate::table::Goal;

/// The bound on what one client waits for, beyond the disk.
const ONE_MILLISECOND: f64 = 1.0;

pub(super) fn run(bench: &mut Bench) {
    let rounds = bench.arguments.rounds;
    let each = if bench.arguments.length() < Duration::from_secs(1) { 1500 } else { 6000 };
    let database = bench.data.copy("writes");
    let (client, codes) = add_codes(&database, each * rounds);
    let copy = Path::new(FOLDER).join("ceiling.db");
    fs::copy(&database, &copy).unwrap();
    let (service, ceiling) = (Server::service(&database, &[]), Ceiling::on(&copy));
    for clients in [1, 8, 32, 128] {
        rotations(bench, (&service, &ceiling), clients);
    }
    let kept = Arc::new(Mutex::new(vec![]));
    let exchange = posted(
        "/token",
        &format!(
            "grant_type=authorization_code&client_id={client}&code={{token}}&code_verifier={VERIFIER}"
        ),
    );
    let revoke = posted("/revoke", &format!("client_id={client}&token={{token}}"));
    let mut codes = codes.into_iter();
    let mut exchanges = || {
        let codes: Vec<_> = codes.by_ref().take(each).collect();
        let request = exchange.clone();
        let requests = codes.into_iter().map(move |code| request.render(&[("token", &code)]));
        Once::new(requests, 200).keeping("access_token", &kept)
    };
    let goal = Goal::AtLeast(0.5);
    let against = (&service, &ceiling);
    once(bench, ("code exchange", goal), against, &mut exchanges, Ceiling::exchanges);
    let mut revocations = || {
        let mut kept = kept.lock().unwrap();
        let from = kept.len() - each.min(kept.len());
        let request = revoke.clone();
        let tokens = kept.split_off(from).into_iter();
        Once::new(tokens.map(move |token| request.render(&[("token", &token)])), 200)
    };
    once(bench, ("revocation", goal), against, &mut revocations, Ceiling::revocations);
    let mut round = 0;
    let mut registrations = || {
        round += 1;
        Once::new(registrations(round).take(each), 201)
    };
    once(bench, ("registration", goal), against, &mut registrations, Ceiling::registrations);
}

fn rotations(bench: &mut Bench, (service, ceiling): (&Server, &Ceiling), clients: usize) {
    let effort = (clients, bench.arguments.length());
    let (mut ours, mut theirs, mut beyond) = (vec![], vec![], vec![]);
    for _ in 0..bench.arguments.rounds {
        let mut logins = bench.refreshing(clients).into_iter();
        let make = move |_| -> Box<dyn Script> { Box::new(logins.next().unwrap()) };
        let mut case =
            Case { server: service, connections: clients, make: Box::new(make), pace: None };
        let measured = case.run(effort.1);
        ours.push(measured);
        theirs.push(ceiling.rotations(effort));
        if clients == 1 {
            let synced = machine::fdatasync().as_secs_f64();
            beyond.push((1.0 / measured.rate - synced) * 1e3);
        }
    }
    let goal = if clients < 32 { Goal::None } else { Goal::AtLeast(0.6) };
    let plural = if clients == 1 { "" } else { "s" };
    let name = format!("refresh, {clients} client{plural}");
    let series = Series(ours);
    report(bench, &name, &series, &theirs, goal);
    if clients == 1 {
        let goal = Goal::AtMost(ONE_MILLISECOND);
        bench.table.number("… without one fdatasync", (median(beyond), "ms"), goal);
    }
    let rate = series.median(|one| one.rate);
    bench.bars.push(Bar { group: "durable refresh", name, ours: true, rate });
}

/// What can be said once: the scripts of a round share the requests.
fn once(
    bench: &mut Bench,
    (name, goal): (&str, Goal),
    (service, ceiling): (&Server, &Ceiling),
    requests: &mut dyn FnMut() -> Once,
    bare: fn(&Ceiling, Effort) -> f64,
) {
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..bench.arguments.rounds {
        let script = requests();
        let make = move |_| -> Box<dyn Script> { Box::new(script.clone()) };
        let mut case =
            Case { server: service, connections: CONNECTIONS, make: Box::new(make), pace: None };
        // Until nothing is left to say.
        ours.push(case.run(Duration::from_mins(1)));
        theirs.push(bare(ceiling, (CONNECTIONS, bench.arguments.length())));
    }
    report(bench, &format!("{name}, {CONNECTIONS} clients"), &Series(ours), &theirs, goal);
}

fn report(bench: &mut Bench, name: &str, ours: &Series, ceiling: &[f64], goal: Goal) {
    let ratios = ours.0.iter().zip(ceiling).map(|(one, ceiling)| one.rate / ceiling).collect();
    bench.table.case(name, ours, (median(ratios), "of SQLite's own"), goal);
}
