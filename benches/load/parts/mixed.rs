//! Everything at once: 95 % introspection, 4 % refresh, 1 % sign-in by password.

use std::time::Duration;

use super::{Bench, introspection, service};
use crate::generator::{Load, Outcome, Script, send_all};
use crate::rounds::{Measured, Series};
use crate::scripts::{Drawn, SigningIn};
use crate::servers::Server;
use crate::table::Goal;

/// All together in a second: 20 sign-ins take a third of a core for argon2 alone.
const PACE: f64 = 2000.0;

pub(super) fn run(bench: &mut Bench) {
    let service = service(bench, "mixed");
    let (mut alone, mut mixed) = (vec![], vec![]);
    for _ in 0..bench.arguments.rounds {
        alone.push(measured(&send_all(vec![introspections(bench, &service)])));
        let refreshing: Vec<_> = bench
            .refreshing(16)
            .into_iter()
            .map(|script| Box::new(script) as Box<dyn Script>)
            .collect();
        let signing_in: Vec<_> =
            (0..8).map(|_| Box::new(SigningIn::default()) as Box<dyn Script>).collect();
        let length = length(bench);
        let load = |scripts, part| Load {
            address: service.address,
            scripts,
            pace: Some(part * PACE),
            length,
        };
        mixed.push(measured(&send_all(vec![
            introspections(bench, &service),
            load(refreshing, 0.04),
            load(signing_in, 0.01),
        ])));
    }
    let (alone, mixed) = (Series(alone), Series(mixed));
    bench.table.base("introspection alone, 1900 a second", &alone);
    let ratio = mixed.ratio(&alone, |one| one.p99.as_secs_f64());
    let name = "the same among refreshes and sign-ins";
    bench.table.case(name, &mixed, (ratio, "x p99 alone"), Goal::AtMost(3.0));
}

/// Twice as long as others: the rare is to be seen.
fn length(bench: &Bench) -> Duration {
    2 * bench.arguments.length()
}

fn introspections(bench: &Bench, service: &Server) -> Load {
    let script = Drawn::new(&introspection("\"active\":true"), &bench.data.access_tokens(), 200);
    let scripts = (0..16).map(|_| Box::new(script.clone()) as Box<dyn Script>).collect();
    Load { address: service.address, scripts, pace: Some(0.95 * PACE), length: length(bench) }
}

/// Of the introspections. What each has cost the processors is not to be told from the rest.
fn measured(outcomes: &[Outcome]) -> Measured {
    Measured::of(&outcomes[0], Duration::ZERO)
}
