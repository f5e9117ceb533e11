//! Why did it fail? Each attempt to connect is one story, from discovery to the first use of a token.
//!
//! What happens is seen ([`Sighting`]) where it happens, kept in memory for a second ([`Collector`]),
//! put to the story that it belongs to ([`correlation`]), and explained when somebody looks
//! ([`diagnosis`]), together with what other tables know of it ([`facts`]). A request never waits for
//! it, and a crash loses the last second.

mod afterwards;
pub mod collector;
pub mod correlation;
pub mod diagnosis;
pub mod facts;
mod mends;
pub mod said;
pub mod sighting;
pub mod told;

pub use collector::Collector;
pub use diagnosis::{Diagnosis, State};
pub use sighting::{Origin, Sighting, Subject};
pub use told::Told;
