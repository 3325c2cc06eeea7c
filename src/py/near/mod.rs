//! What the local cache holds for Python, and how reads ask it first.

mod entries;
mod values;

pub(super) use entries::{Beside, MetEntry};
pub(super) use values::Met;

use super::client::{Inner, Object};
use super::entry::PyEntry;
use super::forms::Form;
use crate::bounded::{Weighed, allocated};
use crate::cache::Call;
use crate::codec::envelope::Version;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A copy of what the server holds.
enum Near {
    /// A value from which objects are built.
    Form(Form),
    /// A value as the server has it, to be decoded for each who asks.
    Stored(Box<[u8]>),
    /// An entry of ours, ready to be answered with, and the versions of its tags.
    Entry { entry: Py<PyEntry>, versions: Box<[Version]>, weight: usize },
    /// The version in the record of a tag.
    Record(Version),
}

impl Weighed for Near {
    fn weight(&self) -> usize {
        allocated(size_of::<Self>())
            + match self {
                Self::Form(form) => form.weight(),
                Self::Stored(bytes) => allocated(bytes.len()),
                Self::Entry { versions, weight, .. } => weight + allocated(size_of_val::<[_]>(versions)),
                Self::Record(_) => 0,
            }
    }
}

impl Inner {
    /// Whether the local cache may answer this read.
    pub(super) fn is_near(&self, key: &Object<'_>, call: &Call) -> bool {
        self.cache.local().l1.is_some() && !call.forgotten && self.may_be_near(key)
    }

    /// Whether a local cache may hold this key of the caller's.
    pub(super) fn may_be_near(&self, key: &Object<'_>) -> bool {
        let name = key.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
        name.is_some_and(|name| self.cache.may_be_local(name))
    }
}
