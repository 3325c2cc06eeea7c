//! Forgetting: what must be deleted, and the journal kept while the server is away.

mod journal;

pub use journal::{Abandoned, Forget, Journal};
