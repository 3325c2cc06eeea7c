//! Pickles, as far as they are understood without Python: what one asks for before it is read, and the objects that a plain
//! one describes.

mod glance;
mod modest;
mod plain;
mod rest;

pub use glance::is_plain;
pub use modest::is_modest;
pub use plain::{Build, Items, load};

#[cfg(test)]
mod tests;
