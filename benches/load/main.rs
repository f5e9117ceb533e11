//! What the service costs, as ratios inside one run: to an empty handler, to SQLite itself, to other
//! servers. `cargo bench --bench load`; what the rows mean stands in `benches/README.md`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark may panic, prints, and counts less than 2^52 of anything"
)]

mod arguments;
mod ceiling;
mod data;
mod empty;
mod exchange;
mod generator;
mod machine;
mod parts;
mod plot;
mod rounds;
mod scripts;
mod servers;
mod soak;
mod table;

use std::fs;

use arguments::Arguments;
use clap::Parser as _;
use parts::Bench;

fn main() {
    let arguments = Arguments::parse();
    if arguments.empty_handler {
        return empty::serve();
    }
    fs::create_dir_all(data::FOLDER).unwrap();
    if let Some(minutes) = arguments.soak {
        return soak::run(minutes, &arguments.plot("soak.svg"));
    }
    let mut bench = Bench::new(arguments);
    println!("{}\n", machine::describe());
    for (name, run) in parts::PARTS {
        if bench.arguments.wants(name) {
            eprintln!("… {name}");
            run(&mut bench);
        }
    }
    println!("{}", bench.table);
    let plot = bench.arguments.plot("load.svg");
    fs::write(&plot, plot::draw(&bench.bars)).unwrap();
    println!(
        "{} of {} goals are met; the plot: {}",
        bench.table.met(),
        bench.table.goals(),
        plot.display()
    );
}
