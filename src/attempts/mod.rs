//! Why did it fail? Each attempt to connect is one story, from discovery to the first use of a token.
//!
//! What happens is seen ([`Sighting`]) where it happens, kept in memory for a second ([`Collector`]),
//! and put to the story that it belongs to ([`correlation`]). A request never waits for it, and a
//! crash loses the last second.
//!
//! When somebody looks, [`Told`] has all there is to say: each step in words ([`said`]), what other
//! tables know ([`facts`]), and why it went no further ([`diagnosis`]; before it has a name,
//! `beforehand`; once there are tokens, `afterwards`), with what mends it ([`mends`]).

mod afterwards;
mod beforehand;
pub mod collector;
pub mod correlation;
pub mod diagnosis;
pub mod facts;
pub mod mends;
pub mod said;
pub mod sighting;
pub mod told;

pub use collector::Collector;
pub use diagnosis::{Diagnosis, State};
pub use sighting::{DOCTOR, Origin, Sighting, Subject};
pub use told::{Step, Told};
