//! Values: what `get` and `get_many` ask for.

use super::Near;
use crate::bounded::Held;
use crate::keys::FullKey;
use crate::l1::{L1, Left, Look, Ticket};
use crate::py::client::Inner;
use crate::py::forms::Form;
use crate::store::{Got, Memory, Remaining, Seen};
use pyo3::prelude::*;
use std::any::Any;
use std::sync::Arc;

/// What a read meets in the local cache.
pub(in crate::py) enum Met {
    /// The value.
    Value(Py<PyAny>),
    /// That there is none.
    Nothing,
    /// Nothing: ask the server, and keep a copy of what it says with this, if it is given.
    Unknown(Option<Ticket>),
}

impl Inner {
    /// Looks for a value where no server has to be asked, and counts it; `shared` asks for the object that everybody gets.
    #[inline]
    pub(in crate::py) fn shortcut(&self, py: Python<'_>, key: &FullKey, is_near: bool, shared: bool) -> PyResult<Met> {
        let met = self.nearby(py, key, is_near, shared)?;
        let stats = &self.cache.local().stats;
        match met {
            Met::Value(_) => stats.hits.one(),
            Met::Nothing => stats.misses.one(),
            Met::Unknown(_) => {}
        }
        Ok(met)
    }

    /// As [`shortcut`](Self::shortcut), for callers who count by themselves.
    #[inline]
    pub(in crate::py) fn nearby(&self, py: Python<'_>, key: &FullKey, is_near: bool, shared: bool) -> PyResult<Met> {
        let local = self.cache.local();
        match (&local.l1, &local.memory) {
            (Some(l1), _) if is_near => self.meet(py, l1, key, shared),
            (_, Some(memory)) => {
                let value = self.see(py, memory, key, shared)?;
                Ok(value.map_or(Met::Nothing, |value| Met::Value(value.unbind())))
            }
            _ => Ok(Met::Unknown(None)),
        }
    }

    fn meet(&self, py: Python<'_>, l1: &Arc<L1>, key: &FullKey, shared: bool) -> PyResult<Met> {
        drop(l1.trash());
        let met = match l1.look(key) {
            Look::Held(held) => match self.met(py, key, &*held, shared)? {
                Some(value) => Met::Value(value.unbind()),
                None => Met::Unknown(Some(l1.ask(key))),
            },
            Look::Absent => Met::Nothing,
            Look::Ask(ticket) => Met::Unknown(Some(ticket)),
        };
        l1.count(!matches!(met, Met::Unknown(_)));
        Ok(met)
    }

    fn met<'py>(
        &self,
        py: Python<'py>,
        key: &[u8],
        held: &dyn Any,
        shared: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match held.downcast_ref() {
            Some(Near::Form(form)) if shared => Ok(Some(form.shared(py))),
            Some(Near::Form(form)) => form.make(py).map(Some),
            Some(Near::Stored(bytes)) => self.values.decode(py, key, bytes, &self.cache.local().stats),
            // An entry of ours, or a record, which are no values.
            _ => Ok(None),
        }
    }

    /// Reads a value from an embedded store: from its form, which the first to read it makes.
    #[inline]
    fn see<'py>(
        &self,
        py: Python<'py>,
        memory: &Memory,
        key: &[u8],
        shared: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (bytes, moment) = match memory.see(key, self.number) {
            None => return Ok(None),
            Some(Seen::Form(form)) => return self.met(py, key, &*form, shared),
            Some(Seen::Bytes(bytes, moment)) => (bytes, moment),
        };
        let value = self.values.decode(py, key, &bytes, &self.cache.local().stats)?;
        if let (Some(value), Some(moment)) = (&value, moment) {
            let form = Form::of(value)?.map(|form| Arc::new(Near::Form(form)) as Arc<dyn Held>);
            memory.keep_form(key, self.number, moment, form);
        }
        Ok(value)
    }

    /// Decodes what was read, and keeps a copy where there is a ticket. None where there is no value.
    pub(in crate::py) fn take<'py>(
        &self,
        py: Python<'py>,
        key: &[u8],
        got: Got,
        ticket: Option<Ticket>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let local = self.cache.local();
        let value = match &got.value {
            Some(bytes) => self.values.decode(py, key, bytes, &local.stats)?,
            None => None,
        };
        if let (Some(l1), Some(ticket)) = (&local.l1, ticket) {
            keep(l1, &ticket, key, got, value.as_ref())?;
        }
        Ok(value)
    }
}

fn keep(l1: &L1, ticket: &Ticket, key: &[u8], got: Got, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Got { value: bytes, left, peer } = got;
    let (near, left): (Option<Arc<dyn Held>>, Left) = match (value, bytes, left) {
        (None, None, Some(Remaining::Absent)) => (None, Left::Always),
        (Some(value), Some(bytes), Some(left)) => {
            let left = match left {
                Remaining::Never => Left::Always,
                Remaining::Milliseconds(left) => Left::Milliseconds(u64::try_from(left).unwrap_or(0)),
                // It came between the two questions.
                Remaining::Absent => return Ok(()),
            };
            let form = Form::of(value)?;
            (Some(Arc::new(form.map_or_else(|| Near::Stored(bytes.into()), Near::Form))), left)
        }
        // It went between the two questions, or is damaged and a miss each time.
        _ => return Ok(()),
    };
    drop(l1.fill(ticket, key, near, left, peer));
    Ok(())
}
