//! Entries of ours: one is answered with while it and the records of all its tags are near, and agree.

use super::Near;
use crate::bounded::Held;
use crate::codec::envelope::Version;
use crate::keys::FullKey;
use crate::l1::{L1, Left, Look, Ticket};
use crate::py::client::Inner;
use crate::py::entry::PyEntry;
use crate::store::{Tags, version};
use pyo3::prelude::*;
use std::any::Any;
use std::sync::Arc;

/// What the read of an entry meets in the local cache.
pub(in crate::py) enum MetEntry {
    /// The entry.
    Entry(Py<PyEntry>),
    /// Nothing: ask the server, and keep copies with these of what it says, of the entry and the records of its tags.
    Unknown(Vec<Ticket>),
}

/// What was read together with an entry, of which copies may be kept.
pub(in crate::py) struct Beside {
    /// How many milliseconds the entry still lives.
    pub(in crate::py) left: i64,
    /// Which server said so.
    pub(in crate::py) peer: u64,
    /// The records of its tags.
    pub(in crate::py) records: Vec<Option<Vec<u8>>>,
}

impl Inner {
    /// Looks for an entry in the local cache.
    pub(in crate::py) fn meet_entry(py: Python<'_>, l1: &Arc<L1>, key: &FullKey, tags: &Tags) -> MetEntry {
        drop(l1.trash());
        let found = look(py, l1, key, tags);
        l1.count(found.is_some());
        let ask = || std::iter::once(key).chain(&tags.records).map(|key| l1.ask(key)).collect();
        found.map_or_else(|| MetEntry::Unknown(ask()), MetEntry::Entry)
    }

    /// Keeps copies of what was read where there are tickets.
    pub(in crate::py) fn keep_entry(
        &self,
        py: Python<'_>,
        key: &[u8],
        tags: &Tags,
        entry: &Py<PyEntry>,
        beside: &Beside,
        tickets: &[Ticket],
    ) -> PyResult<()> {
        let (Some(l1), Some((ticket, tickets))) = (&self.cache.local().l1, tickets.split_first()) else {
            return Ok(());
        };
        let versions: Option<Box<[Version]>> =
            beside.records.iter().map(|record| record.as_deref().and_then(version).copied()).collect();
        let (Some(versions), Ok(left)) = (versions, u64::try_from(beside.left)) else { return Ok(()) };
        for ((ticket, record), version) in tickets.iter().zip(&tags.records).zip(&versions) {
            drop(l1.fill(ticket, record, Some(Arc::new(Near::Record(*version))), Left::Always, beside.peer));
        }
        let weight = entry.get().prepare_to_be_kept(py)?;
        let near: Arc<dyn Held> = Arc::new(Near::Entry { entry: entry.clone_ref(py), versions, weight });
        drop(l1.fill(ticket, key, Some(near), Left::Milliseconds(left), beside.peer));
        Ok(())
    }
}

fn look(py: Python<'_>, l1: &Arc<L1>, key: &[u8], tags: &Tags) -> Option<Py<PyEntry>> {
    let Look::Held(held) = l1.look(key) else { return None };
    let held: &dyn Any = &*held;
    let Near::Entry { entry, versions, .. } = held.downcast_ref()? else { return None };
    if !entry.get().has_tags(&tags.names) {
        return None;
    }
    let is_current = tags.records.iter().zip(versions).all(|(record, version)| {
        let Look::Held(held) = l1.look(record) else { return false };
        let held: &dyn Any = &*held;
        matches!(held.downcast_ref(), Some(Near::Record(current)) if current == version)
    });
    is_current.then(|| entry.clone_ref(py))
}
