//! hitrate: caching on Redis and Valkey. The core knows nothing of Python; `py` binds it.

pub mod address;
pub mod bounded;
pub mod breaker;
pub mod cache;
pub mod clock;
pub mod codec;
pub mod config;
pub mod error;
pub mod health;
pub mod invalidate;
pub mod keys;
pub mod l1;
pub mod limit;
pub mod net;
pub mod op;
pub mod process;
#[cfg(feature = "python")]
mod py;
pub mod script;
pub mod stats;
pub mod store;
pub mod wait;
