//! `--soak`: mixed load with restarts, for an hour or so: whether anything grows, becomes slower or is
//! lost. Every answer is looked at; one that is not the right one ends it.

mod charts;
mod crowd;
mod faster;
mod samples;
mod verdict;
mod visiting;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::data::{Data, FOLDER};
use crate::generator::send_all;
use crate::machine;
use crate::servers::{Server, free_address, service_log};
use crowd::Crowd;
use faster::Faster;
use samples::Sample;

/// How many live tokens there are at the beginning.
const TOKENS: usize = 10_000;
/// A sample is taken of each.
const ROUND: Duration = Duration::from_secs(10);
/// The longest that a process lives.
const LIFE: Duration = Duration::from_mins(5);
/// Ends of a process, in turn.
const ENDS: [(Signal, &str); 2] = [(Signal::TERM, "stop"), (Signal::KILL, "kill")];
/// What nobody may find in the log: the service would sweep nothing then, or something is broken.
const NEVER_SAID: [&str; 3] =
    ["the clock jumped forwards", "the clock went backwards", "\"level\":\"ERROR\""];

/// Soaks the service, and says what came of it.
pub(crate) fn run(minutes: u64, plot: &Path) {
    let length = Duration::from_secs(60 * minutes);
    let life = (length / 6).min(LIFE);
    println!("{}\n", machine::describe());
    let mut soak = Soak::begin();
    let mut samples = vec![];
    while soak.begun.elapsed() < length {
        // Not at the very end: it is to be seen what comes after.
        let until_the_next = life * (soak.restarts as u32 + 1);
        let is_due = soak.begun.elapsed() >= until_the_next && until_the_next < length;
        samples.push(soak.round(is_due));
        fs::write(Path::new(FOLDER).join("soak.csv"), samples::csv(&samples)).unwrap();
    }
    soak.end();
    fs::write(plot, charts::draw(&samples)).unwrap();
    verdict::print(&samples);
    println!("the plot: {}", plot.display());
}

/// The service, and whoever uses it.
struct Soak {
    begun: Instant,
    faster: Faster,
    database: PathBuf,
    address: SocketAddr,
    server: Option<Server>,
    restarts: usize,
    crowd: Crowd,
}

impl Soak {
    fn begin() -> Self {
        let data = Data::with(TOKENS);
        let mut soak = Self {
            begun: Instant::now(),
            faster: Faster::begin(),
            database: data.copy("soak"),
            address: free_address(),
            server: None,
            restarts: 0,
            crowd: Crowd::of(&data.logins),
        };
        soak.start();
        soak
    }

    fn start(&mut self) {
        let environment = self.faster.environment();
        let settings: Vec<_> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.server = Some(Server::service_at(self.address, &self.database, &settings));
    }

    /// One round: half-way a sample is taken, and the service restarted if that is due.
    fn round(&mut self, restart: bool) -> Sample {
        let loads = self.crowd.loads(self.address, ROUND);
        let sending = thread::spawn(|| send_all(loads));
        thread::sleep(ROUND / 2);
        let server = self.server.as_ref().unwrap();
        let mut sample = Sample::of(server, &self.database, self.begun.elapsed());
        sample.restart = restart.then(|| self.restart());
        let outcomes = sending.join().unwrap();
        sample.add(&outcomes);
        if restart {
            self.crowd.roll_call(self.address);
        }
        sample
    }

    fn restart(&mut self) -> &'static str {
        let (signal, name) = ENDS[self.restarts % ENDS.len()];
        self.restarts += 1;
        self.stop(signal);
        self.start();
        name
    }

    fn end(mut self) {
        self.crowd.roll_call(self.address);
        self.stop(Signal::TERM);
    }

    fn stop(&mut self, signal: Signal) {
        self.server.take().unwrap().end(signal);
        let log = fs::read_to_string(service_log()).unwrap();
        let said = log.lines().find(|line| NEVER_SAID.iter().any(|words| line.contains(words)));
        assert!(said.is_none(), "the service said {said:?}");
    }
}
