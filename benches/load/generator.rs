//! The load: one thread, some connections, each with a script. In turn, as fast as the answers come;
//! or at a given pace, whatever the answers do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::exchange::{Answer, Connection};

/// What one connection says.
pub(crate) trait Script: Send {
    /// Writes the next request; false when there is no more to say.
    fn request(&mut self, request: &mut Vec<u8>) -> bool;

    /// Looks at the answer, and panics when it is not the right one.
    fn answered(&mut self, answer: &Answer<'_>);

    /// Whether it opens its connection when it has something to say, and goes on when nobody answers.
    fn is_patient(&self) -> bool {
        false
    }

    /// Nobody answered: the request that is written next is sent in place of the last one.
    fn lost(&mut self) {}
}

/// What is sent to one server.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// One for each connection.
    pub(crate) scripts: Vec<Box<dyn Script>>,
    /// Requests in a second; none: each as soon as the one before is answered.
    pub(crate) pace: Option<f64>,
    pub(crate) length: Duration,
}

/// How that went.
pub(crate) struct Outcome {
    /// Answers in a second.
    pub(crate) rate: f64,
    pub(crate) answered: usize,
    /// How often nobody answered, and it was asked again.
    pub(crate) lost: usize,
    /// In order, from when the request was due.
    latencies: Vec<Duration>,
}

impl Outcome {
    /// The latency that this part of the answers has not exceeded.
    pub(crate) fn percentile(&self, part: f64) -> Duration {
        let last = self.latencies.len() - 1;
        self.latencies[(last as f64 * part) as usize]
    }
}

/// Sends one load.
pub(crate) fn send(load: Load) -> Outcome {
    send_all(vec![load]).remove(0)
}

/// Sends several at once.
pub(crate) fn send_all(loads: Vec<Load>) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let begun: Vec<_> = loads.into_iter().map(|load| tokio::spawn(run(load))).collect();
        let mut outcomes = vec![];
        for load in begun {
            outcomes.push(load.await.unwrap());
        }
        outcomes
    })
}

async fn run(load: Load) -> Outcome {
    let mut connected = vec![];
    for script in load.scripts {
        let connection = if script.is_patient() {
            Connection::later(load.address)
        } else {
            Connection::to(load.address).await
        };
        connected.push((connection, script));
    }
    let begun = Instant::now();
    let turns = Turns::begin(begun, load.pace);
    let tasks: Vec<_> = connected
        .into_iter()
        .map(|(connection, script)| {
            tokio::spawn(converse(connection, script, turns.clone(), load.length))
        })
        .collect();
    let mut latencies = vec![];
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    turns.ended.store(true, Ordering::Relaxed);
    latencies.sort_unstable();
    let answered = latencies.len();
    let rate = answered as f64 / begun.elapsed().as_secs_f64();
    Outcome { rate, answered, lost: turns.lost.load(Ordering::Relaxed), latencies }
}

async fn converse(
    mut connection: Connection,
    mut script: Box<dyn Script>,
    turns: Arc<Turns>,
    length: Duration,
) -> Vec<Duration> {
    let (mut latencies, mut request) = (vec![], vec![]);
    loop {
        let due = turns.next().await;
        request.clear();
        if turns.begun.elapsed() >= length || !script.request(&mut request) {
            turns.permits.add_permits(1);
            return latencies;
        }
        let answer = loop {
            match connection.try_exchange(&request).await {
                Ok(answer) => break answer,
                Err(error) => ask_again(&mut *script, (&mut request, &error), &turns).await,
            }
        };
        latencies.push(due.elapsed());
        script.answered(&answer);
    }
}

/// Nobody answered.
async fn ask_again(
    script: &mut dyn Script,
    (request, error): (&mut Vec<u8>, &io::Error),
    turns: &Turns,
) {
    const PAUSE: Duration = Duration::from_millis(10);
    assert!(script.is_patient(), "{error} on {}", String::from_utf8_lossy(request));
    turns.lost.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(PAUSE).await;
    script.lost();
    request.clear();
    script.request(request);
}

/// Whose turn it is: a thread of its own gives turns out, because timers of tokio are too coarse.
struct Turns {
    begun: Instant,
    interval: Option<Duration>,
    permits: Semaphore,
    taken: AtomicU64,
    /// How often nobody answered.
    lost: AtomicUsize,
    ended: AtomicBool,
}

impl Turns {
    fn begin(begun: Instant, pace: Option<f64>) -> Arc<Self> {
        let turns = Arc::new(Self {
            begun,
            interval: pace.map(|pace| Duration::from_secs_f64(1.0 / pace)),
            permits: Semaphore::new(0),
            taken: AtomicU64::new(0),
            lost: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        if let Some(interval) = turns.interval {
            let turns = turns.clone();
            thread::spawn(move || turns.give(interval));
        }
        turns
    }

    /// Waits for a turn; when it was due.
    async fn next(&self) -> Instant {
        let Some(interval) = self.interval else { return Instant::now() };
        self.permits.acquire().await.unwrap().forget();
        let turn = self.taken.fetch_add(1, Ordering::Relaxed);
        self.begun + interval.mul_f64(turn as f64)
    }

    fn give(&self, interval: Duration) {
        const STEP: Duration = Duration::from_micros(100);
        let mut given = 0;
        while !self.ended.load(Ordering::Relaxed) {
            let due = (self.begun.elapsed().as_secs_f64() / interval.as_secs_f64()) as usize;
            self.permits.add_permits(due - given);
            given = due;
            thread::sleep(STEP);
        }
    }
}
