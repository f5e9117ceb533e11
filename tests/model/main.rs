//! Refresh and redemption against a model: any interleaving of retries, races, crashes and time, and
//! the model and the service agree.
//!
//! The model (`model.rs`) is written from what is promised about codes and tokens, and knows neither
//! secrets nor a database. The service is the real one, on a file, with a clock that the test moves.
//! After each step they have given the same answer, and agree about every token ever issued: which
//! access token is active, and what each code and refresh token would be answered.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod candidate;
#[expect(dead_code, reason = "it is the decisions' fixture")]
#[path = "../decisions/fixture.rs"]
mod fixture;
#[expect(dead_code, reason = "it is the decisions' form")]
#[path = "../decisions/form.rs"]
mod form;
mod model;
mod service;
mod story;
#[expect(dead_code, reason = "they are the decisions' tools")]
#[path = "../decisions/tokens.rs"]
mod tokens;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use story::{Story, stories};

/// So many that they take some twenty seconds, or a quarter of an hour.
fn cases() -> u32 {
    if std::env::var_os("SOAK").is_some() { 20_000 } else { 700 }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/model/proptest-regressions.txt",
        ))),
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_service_is_what_the_model_says(story in stories()) {
        if let Err(disagreement) = Story::play(&story) {
            return Err(TestCaseError::fail(disagreement));
        }
    }
}
