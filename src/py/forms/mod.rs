//! Values in a form from which Python objects are built without parsing.
//!
//! What cannot change is shared with everybody who asks. Lists, tuples, sets, dicts and bytearrays are copied for each: the
//! form keeps one of its own, and knows which of its parts have to be copied as well. Anything else, and what is too deep or
//! refers to itself, has no form: it is kept as the bytes that came.

mod copy;
mod leaf;

use crate::bounded::Weighed;
use copy::Part;
use leaf::Leaves;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::collections::HashSet;

/// Containers in containers; a pickle of more takes the interpreter's stack as well.
const DEEPEST: usize = 32;

/// A value of which every caller gets his own.
pub(super) struct Form {
    whole: Part,
    weight: usize,
}

impl Weighed for Form {
    fn weight(&self) -> usize {
        self.weight
    }
}

impl Form {
    /// The form of a value, which stays the caller's; none where it has none.
    pub(super) fn of(value: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let mut maker = Maker { leaves: leaves(value.py())?, seen: HashSet::new(), weight: size_of::<Self>() };
        let whole = maker.part(value, DEEPEST)?;
        Ok(whole.map(|whole| Self { whole, weight: maker.weight }))
    }

    /// The value, for a caller who may do with it what he likes.
    #[inline]
    pub(super) fn make<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.whole.copy(py)
    }

    /// The value that everybody gets, for a caller who only looks at it.
    pub(super) fn shared<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.whole.object(py)
    }
}

fn leaves(py: Python<'_>) -> PyResult<&'static Leaves> {
    static LEAVES: PyOnceLock<Leaves> = PyOnceLock::new();
    LEAVES.get_or_try_init(py, || Leaves::new(py))
}

/// Makes one form.
struct Maker<'a> {
    leaves: &'a Leaves,
    /// Containers and keys met so far, by address. A container that is met twice is one object in two places, which copies of
    /// it would not be.
    seen: HashSet<usize>,
    weight: usize,
}
