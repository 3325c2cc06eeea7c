//! Any command.

use crate::cache::{Call, Role};
use crate::invalidate::Forget;
use crate::op::Reply;
use crate::py::client::{Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::py::{args, snapshot};
use crate::store::Raw;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Commands that write nothing, among those that are sent most; after any other no local copy is trusted.
const READS: [&str; 16] = [
    "CLIENT", "CONFIG", "DBSIZE", "ECHO", "EXISTS", "GET", "INFO", "MEMORY", "MGET", "OBJECT", "PING", "PTTL", "SCAN",
    "STRLEN", "TTL", "TYPE",
];

impl Inner {
    pub(super) fn execute(parts: Vec<Vec<u8>>) -> PyResult<Plan<Raw, impl Finish<Reply>>> {
        args::refuse_stateful(&parts)?;
        let name = parts.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
        let writes = !READS.iter().any(|read| read.as_bytes() == name);
        let mut command = redis::Cmd::new();
        for part in parts {
            command.arg(part);
        }
        let finish = |py: Python<'_>, reply: Option<Reply>| match reply {
            Some(reply) => snapshot::reply(py, reply),
            None => Ok(py.None()),
        };
        let call = Call {
            writes: writes.then_some(Forget::Everything { spares_critical: false }),
            ..Call::bulk(Role::Certain)
        };
        Ok(Plan { operation: Raw { command }, call, finish })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (*args))]
    fn execute(&self, args: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        Inner::execute(command(args)?)?.wait(args.py(), &self.inner)
    }

    #[pyo3(signature = (*args))]
    fn _aexecute<'py>(&self, args: &Bound<'py, PyTuple>) -> PyResult<Object<'py>> {
        Inner::execute(command(args)?)?.begin(args.py(), &self.inner)
    }
}

fn command(args: &Bound<'_, PyTuple>) -> PyResult<Vec<Vec<u8>>> {
    args.iter().map(|part| args::command_part(&part)).collect()
}
