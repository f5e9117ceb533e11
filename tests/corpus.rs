//! What the fuzzer has kept of everything that strangers send, and what real clients send: each still
//! has the properties that it was looked at for.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the input is named, if it fails")]

#[path = "fuzz/checks/mod.rs"]
mod checks;

use std::fs;
use std::path::Path;

#[test]
fn what_was_kept_still_holds() {
    for (target, check) in checks::CHECKS {
        for (directory, at_least) in [("seeds", 5), ("corpus", 20)] {
            let directory = Path::new("tests/fuzz").join(directory).join(target);
            let files =
                fs::read_dir(&directory).unwrap_or_else(|error| panic!("{target}: {error}"));
            let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            assert!(files.len() >= at_least, "{}", directory.display());
            for path in files {
                println!("{}", path.display());
                check(&fs::read(&path).unwrap());
            }
        }
    }
}
