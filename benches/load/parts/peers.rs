//! The same work done by other servers, as far as they are installed: `benches/load/install`. Each
//! has a script in `benches/load/peers` that starts it with tokens in it, and says on one line where
//! it listens and how it is asked.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::{Bench, CONNECTIONS, drawn, introspection, service};
use crate::data::Login;
use crate::generator::Script;
use crate::plot::Bar;
use crate::rounds::{Case, Make, Series};
use crate::scripts::{Once, Refreshing, Template};
use crate::servers::Server;
use crate::table::Goal;

/// A server that is compared with.
struct Peer {
    name: &'static str,
    /// What runs the script.
    program: &'static str,
    /// The script, and its arguments.
    script: (&'static str, &'static [&'static str]),
    /// How many times as fast the service should be: checks, refreshes, registrations.
    goals: [Goal; 3],
}

/// Where the peers are, each language in a folder: what scripts import is found from beside them.
const NODE: &str = "target/bench-peers/npm";
const PYTHON: &str = "target/bench-peers/venv";

const fn python(
    name: &'static str,
    script: (&'static str, &'static [&'static str]),
    goals: [Goal; 3],
) -> Peer {
    Peer { name, program: "target/bench-peers/venv/bin/python", script, goals }
}

const OURS: &str = "mcp-oauthd";

const NO_GOALS: [Goal; 3] = [Goal::None; 3];

const PEERS: [Peer; 5] = [
    Peer {
        name: "oidc-provider",
        program: "node",
        script: ("oidc_provider.mjs", &[]),
        goals: [Goal::AtLeast(12.0), Goal::AtLeast(5.0), Goal::AtLeast(10.0)],
    },
    python(
        "FastMCP",
        ("fastmcp_provider.py", &[]),
        [Goal::AtLeast(7.0), Goal::AtLeast(3.0), Goal::AtLeast(10.0)],
    ),
    python("MCP SDK", ("fastmcp_provider.py", &["sdk"]), NO_GOALS),
    python("Authlib", ("authlib_provider.py", &[]), NO_GOALS),
    python("Django OAuth Toolkit", ("django_provider.py", &[]), NO_GOALS),
];

/// What a script says.
#[derive(serde::Deserialize)]
struct Announced {
    /// How a token is checked.
    check: Option<Template>,
    tokens: Vec<String>,
    refresh: Option<Template>,
    /// Client and refresh token.
    logins: Vec<(String, String)>,
    /// Where clients register.
    register: Option<String>,
}

/// One that runs.
struct Running {
    peer: Peer,
    server: Server,
    announced: Announced,
}

pub(super) fn run(bench: &mut Bench) {
    let running: Vec<Running> = PEERS.into_iter().filter_map(start).collect();
    if running.is_empty() {
        eprintln!("no other server is installed: benches/load/install");
        return;
    }
    let service = service(bench, "peers");
    checks(bench, &service, &running);
    refreshes(bench, &service, &running);
    registrations(bench, &service, &running);
}

fn start(peer: Peer) -> Option<Running> {
    let (script, arguments) = peer.script;
    let folder = if peer.program == "node" { NODE } else { PYTHON };
    if !Path::new(folder).exists() {
        eprintln!("{} is not installed: benches/load/install", peer.name);
        return None;
    }
    let beside = Path::new(folder).join(script);
    fs::copy(Path::new("benches/load/peers").join(script), &beside).unwrap();
    let mut command = Command::new(peer.program);
    command.arg(beside).args(arguments);
    let (server, line) = Server::announced(command);
    let (_, announced) = line.split_once(' ').unwrap();
    let announced = serde_json::from_str(announced).unwrap();
    Some(Running { peer, server, announced })
}

fn checks(bench: &mut Bench, service: &Server, running: &[Running]) {
    let active = introspection("\"active\":true");
    let ours: Make<'_> = drawn(&active, &bench.data.access_tokens(), 200);
    let theirs = running.iter().filter_map(|one| {
        let template = one.announced.check.as_ref()?;
        Some((one, drawn(template, &Arc::new(one.announced.tokens.clone()), 200)))
    });
    compare(bench, ("token check", 0), (service, ours), theirs.collect());
}

fn refreshes(bench: &mut Bench, service: &Server, running: &[Running]) {
    let mut ours = vec![];
    for _ in 0..bench.arguments.rounds {
        ours.extend(bench.refreshing(CONNECTIONS));
    }
    let mut ours = ours.into_iter();
    let ours: Make<'_> = Box::new(move |_| Box::new(ours.next().unwrap()));
    let theirs = running.iter().filter_map(|one| {
        let template = one.announced.refresh.clone()?;
        let mut logins = one.announced.logins.clone().into_iter();
        let make: Make<'_> = Box::new(move |_| -> Box<dyn Script> {
            let (client_id, refresh) = logins.next().unwrap();
            let login = Login { client_id, refresh, access: String::new() };
            Box::new(Refreshing { template: template.clone(), login })
        });
        Some((one, make))
    });
    compare(bench, ("refresh", 1), (service, ours), theirs.collect());
}

fn registrations(bench: &mut Bench, service: &Server, running: &[Running]) {
    let registering = |path: &str, series: usize| -> Make<'_> {
        let line = format!("POST {path} ");
        let requests = super::registrations(series);
        let requests = requests.map(move |request| request.replacen("POST /register ", &line, 1));
        let script = Once::new(requests, 201);
        Box::new(move |_| Box::new(script.clone()))
    };
    let theirs = running
        .iter()
        .enumerate()
        .filter_map(|(n, one)| Some((one, registering(one.announced.register.as_ref()?, n))));
    compare(bench, ("registration", 2), (service, registering("/register", 999)), theirs.collect());
}

/// The service first, then whoever can do the same.
fn compare<'a>(
    bench: &mut Bench,
    (work, goal): (&'static str, usize),
    (service, ours): (&'a Server, Make<'a>),
    theirs: Vec<(&'a Running, Make<'a>)>,
) {
    let case = |server, make| Case { server, connections: CONNECTIONS, make, pace: None };
    let (who, makes): (Vec<&Running>, Vec<Make<'_>>) = theirs.into_iter().unzip();
    let theirs = who.iter().zip(makes).map(|(one, make)| case(&one.server, make));
    let mut cases: Vec<_> = std::iter::once(case(service, ours)).chain(theirs).collect();
    let series = bench.measure(&mut cases);
    bench.table.base(&format!("{work}, {OURS}"), &series[0]);
    bar(bench, work, OURS, &series[0]);
    for (one, theirs) in who.iter().zip(&series[1..]) {
        let ratio = series[0].ratio(theirs, |one| one.rate);
        let name = format!("{work}, {}", one.peer.name);
        bench.table.case(&name, theirs, (ratio, "times as fast are we"), one.peer.goals[goal]);
        bar(bench, work, one.peer.name, theirs);
    }
}

fn bar(bench: &mut Bench, group: &'static str, name: &str, series: &Series) {
    let rate = series.median(|one| one.rate);
    bench.bars.push(Bar { group, name: name.to_owned(), ours: name == OURS, rate });
}
