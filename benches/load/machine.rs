//! What the operating system says: of the machine, of a process, of the disk.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::data::FOLDER;

/// Processor, cores, system.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name);
    let cores = thread::available_parallelism().unwrap();
    let kernel = read("/proc/sys/kernel/osrelease");
    let synced = fdatasync().as_secs_f64() * 1e3;
    format!("{model}, {cores} cores, Linux {}, fdatasync {synced:.2} ms", kernel.trim())
}

/// What one fdatasync takes of 4 KiB at the end of a file beside the databases: the median.
pub(crate) fn fdatasync() -> Duration {
    let path = Path::new(FOLDER).join("synced");
    let mut file = File::create(&path).unwrap();
    let mut took: Vec<Duration> = (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let begun = Instant::now();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    fs::remove_file(path).unwrap();
    took.sort_unstable();
    took[took.len() / 2]
}

/// User and system time of a process: proc(5), fields 14 and 15 of `stat`, in hundredths.
pub(crate) fn cpu_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// The proportional set without pages of files, in MiB.
pub(crate) fn own_memory(process: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let kib = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap()
    };
    (kib("Pss_Anon:") + kib("Pss_Shmem:")) / 1024.0
}

/// How many there are of something that a process has a folder of in `/proc`.
pub(crate) fn entries(process: u32, folder: &str) -> usize {
    fs::read_dir(format!("/proc/{process}/{folder}")).unwrap().count()
}

/// Waits for an answer to anything.
pub(crate) fn first_answer(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /livez HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
}
