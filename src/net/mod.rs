//! Sockets, reply reader, pool and the blocking driver. Knows nothing of caching.
//!
//! A socket whose reply did not come in time is closed, never used again: a late reply must not answer the next command.

pub mod blocking;
mod connection;
mod dial;
mod greeting;
mod listener;
mod pipeline;
mod pool;
mod reply;
mod resolve;
mod stream;
mod tls;

pub use connection::Connection;
pub use greeting::Greeting;
pub use listener::Listener;
pub use pipeline::{Answered, Pipeline};
pub use pool::{Pool, PoolCounts};
pub use reply::{Limits, ReplyReader};
