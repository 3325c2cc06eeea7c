//! `hitrate._native.Client`: the client as Python sees it. Its verbs are in `verbs/`.

use super::aio::{Lines, PyOwner};
use super::errors::{ConfigError, InvalidKeyError};
use super::values::{Custom, Values};
use super::{args, events, outcall, snapshot};
use crate::cache::{Cache, Call, Role};
use crate::config::Settings;
use crate::invalidate::Forget;
use crate::keys::{FullKey, KeyMaker, escape_glob};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Any Python object.
pub(super) type Object<'py> = Bound<'py, PyAny>;
/// An argument that may be left out.
pub(super) type Given<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// What the methods share, and what an async call keeps alive.
pub(super) struct Inner {
    pub(super) cache: Cache,
    pub(super) values: Values,
    /// What the pools of event loops hang on.
    pub(super) owner: Py<PyOwner>,
    /// Its connections in event loops.
    pub(super) lines: Lines,
    /// No other client of this process has it.
    pub(super) number: u64,
    key_function: Option<Py<PyAny>>,
    validate_key: Option<Py<PyAny>>,
}

/// Clients that were made so far.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// Longest key, and smallest character, that pass without a look by `validate_key` (Django's rule, after memcached's).
const LONGEST_PLAIN_KEY: usize = 250;

/// What is known of a caller's key beside its spelling.
#[derive(Clone, Copy)]
pub(super) struct Nature {
    /// Its failures raise.
    pub(super) critical: bool,
    /// A local cache may hold it.
    pub(super) may_be_local: bool,
}

impl Inner {
    /// The full key, and whether its failures raise.
    pub(super) fn key(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<(FullKey, bool)> {
        let mut full = FullKey::new();
        let nature = self.spell(key, version, &mut full)?;
        Ok((full, nature.critical))
    }

    /// Writes the full key to `full`.
    #[inline]
    pub(super) fn spell(&self, key: &Object<'_>, version: Given<'_, '_>, full: &mut FullKey) -> PyResult<Nature> {
        let text;
        let name = match key.cast::<PyString>() {
            Ok(name) => name,
            // Django's own key function takes whatever has a text.
            Err(_) if self.cache.keys().has_versions() => {
                text = outcall::text(key)?;
                &text
            }
            Err(_) => {
                let kind = key.get_type().qualname()?.to_string();
                return Err(InvalidKeyError::new_err(format!("a key must be a str, not {kind}")));
            }
        };
        let name = name
            .to_str()
            .map_err(|_| InvalidKeyError::new_err("a key must be text that UTF-8 can hold; it has lone surrogates"))?;
        self.spell_name(key.py(), Some(key), name, version, full)?;
        Ok(Nature { critical: self.cache.is_critical(name), may_be_local: self.cache.may_be_local(name) })
    }

    /// Writes the full key of `name`; a key function gets `given`, or else the name.
    #[inline]
    fn spell_name(
        &self,
        py: Python<'_>,
        given: Option<&Object<'_>>,
        name: &str,
        version: Given<'_, '_>,
        full: &mut FullKey,
    ) -> PyResult<()> {
        let (keys, version) = (self.cache.keys(), args::version(version)?);
        match &self.key_function {
            None => keys.spell(name, version.as_deref(), full),
            Some(function) => {
                let version = version_number(py, version.as_deref().unwrap_or(keys.default_version()))?;
                let name = PyString::new(py, name);
                let key = given.unwrap_or(name.as_any());
                let made = outcall::call(function.bind(py), [key, &PyString::new(py, keys.prefix()), &version])?;
                full.extend_from_slice(outcall::text(&made)?.to_str()?.as_bytes());
            }
        }
        if let Some(validate) = &self.validate_key
            && (full.len() > LONGEST_PLAIN_KEY || full.iter().any(|byte| *byte < 33 || *byte == 127))
        {
            outcall::call(validate.bind(py), [&PyString::new(py, &String::from_utf8_lossy(full))])?;
        }
        Ok(())
    }

    /// The full key of something of our own, beside the caller's keys.
    pub(super) fn own_key(&self, py: Python<'_>, name: &str, version: Given<'_, '_>) -> PyResult<FullKey> {
        let mut full = FullKey::new();
        self.spell_name(py, None, name, version, &mut full)?;
        Ok(full)
    }

    pub(super) fn keyed(&self, key: &Object<'_>, version: Given<'_, '_>, role: Role) -> PyResult<(FullKey, Call)> {
        let (key, critical) = self.key(key, version)?;
        let forgotten = role != Role::Store && self.cache.local().health.is_forgotten(&key);
        let writes = if role == Role::Read { None } else { self.writes(|| vec![key.clone()]) };
        Ok((key, Call { critical, forgotten, writes, ..Call::new(role) }))
    }

    /// What a call says that writes these keys.
    pub(super) fn writes(&self, keys: impl FnOnce() -> Vec<FullKey>) -> Option<Forget> {
        self.cache.local().l1.as_ref().map(|_| Forget::Keys(keys()))
    }

    /// Keys as they were given, in full, and whether one of them is critical.
    pub(super) fn many<'py>(
        &self,
        keys: &Object<'py>,
        version: Given<'_, '_>,
    ) -> PyResult<(Bound<'py, PyList>, Vec<FullKey>, bool)> {
        let names = PyList::empty(keys.py());
        let (mut full, mut critical) = (Vec::new(), false);
        for name in outcall::items(keys)? {
            let name = name?;
            let (key, is_critical) = self.key(&name, version)?;
            full.push(key);
            critical |= is_critical;
            names.append(name)?;
        }
        Ok((names, full, critical))
    }

    /// A glob for full keys.
    pub(super) fn pattern(&self, py: Python<'_>, glob: &str, version: Given<'_, '_>) -> PyResult<Vec<u8>> {
        let (keys, version) = (self.cache.keys(), args::version(version)?);
        match &self.key_function {
            None => Ok(keys.pattern(glob, version.as_deref())),
            Some(function) => {
                spelled_pattern(function.bind(py), glob, keys, version.as_deref().unwrap_or(keys.default_version()))
            }
        }
    }

    /// A glob for all full keys of this cache.
    pub(super) fn everything(&self) -> PyResult<Vec<u8>> {
        self.cache.keys().everything().ok_or_else(|| {
            ConfigError::new_err(
                "clear() cannot tell the keys of this cache from others: its key_function puts nothing in front of them; \
                 to empty the whole database use clear(flush=True), or Django's get_redis_connection(alias).flushdb()",
            )
        })
    }
}

/// A key function spells a pattern where it is given one instead of a key; prefix and version stand for themselves.
fn spelled_pattern(function: &Object<'_>, glob: &str, keys: &KeyMaker, version: &str) -> PyResult<Vec<u8>> {
    let text = |text: &[u8]| PyString::new(function.py(), &String::from_utf8_lossy(text));
    let prefix = escape_glob(keys.prefix().as_bytes());
    let made = outcall::call(function, [&text(glob.as_bytes()), &text(&prefix), &text(version.as_bytes())])?;
    Ok(outcall::text(&made)?.to_str()?.as_bytes().to_vec())
}

/// Key functions get the version as Django would pass it: a number, unless it is none.
fn version_number<'py>(py: Python<'py>, version: &str) -> PyResult<Object<'py>> {
    match version.parse::<i64>() {
        Ok(number) => Ok(number.into_pyobject(py)?.into_any()),
        Err(_) => Ok(PyString::new(py, version).into_any()),
    }
}

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Client", module = "hitrate._native", subclass, frozen)]
pub(super) struct PyClient {
    pub(super) inner: Arc<Inner>,
}

#[pymethods]
impl PyClient {
    #[new]
    #[pyo3(signature = (url, *, key_function=None, validate_key=None, json_default=None, **options))]
    fn new(
        py: Python<'_>,
        url: &Object<'_>,
        key_function: Option<Py<PyAny>>,
        validate_key: Option<Py<PyAny>>,
        json_default: Option<Object<'_>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let url = url
            .cast::<PyString>()
            .map_err(|_| ConfigError::new_err("'url' must be a str such as 'redis://localhost:6379/0'"))?;
        let key_function = args::function(key_function, "key_function", py)?;
        let validate_key = args::function(validate_key, "validate_key", py)?;
        let serializer = args::serializer(options)?;
        let settings = Settings::new(args::utf8(url, "'url'")?, &args::options(options)?)?;
        let values = Values::new(py, &settings.cache, Custom { serializer, json_default })?;
        let mut keys = KeyMaker::new(&settings.cache);
        if let Some(function) = &key_function {
            // One that cannot spell a pattern, or begins it with any character, leaves nothing to tell its keys by.
            let everything = spelled_pattern(function.bind(py), "*", &keys, "*").ok();
            keys = keys.spelled_elsewhere(everything.filter(|glob| glob.contains(&b'*') && !glob.starts_with(b"*")));
        }
        let owner = Py::new(py, PyOwner)?;
        events::hooks(py)?;
        Ok(Self {
            inner: Arc::new(Inner {
                cache: Cache::new(settings, keys)?,
                values,
                owner,
                lines: Lines::default(),
                number: CLIENTS.fetch_add(1, Ordering::Relaxed),
                key_function,
                validate_key,
            }),
        })
    }

    fn __repr__(&self) -> String {
        format!("<hitrate cache at {}, prefix '{}'>", self.database(), self.prefix())
    }

    /// The server and the number of the database, without credentials.
    #[getter(_database)]
    fn database(&self) -> String {
        let server = &self.inner.cache.settings().server;
        format!("{}/{}", server.address, server.db)
    }

    #[getter(_timeout)]
    fn timeout(&self) -> f64 {
        self.inner.cache.settings().server.timeout.as_secs_f64()
    }

    #[pyo3(signature = (key, version=None))]
    fn make_key(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<String> {
        Ok(String::from_utf8_lossy(&self.inner.key(key, version)?.0).into_owned())
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        events::deliver(py, &self.inner.cache.local().health);
        snapshot::stats(py, &self.inner.cache)
    }

    /// Whether values are bound to their keys.
    #[getter]
    fn is_signing(&self) -> bool {
        self.inner.values.codec().is_signing()
    }

    #[getter]
    fn _owner(&self, py: Python<'_>) -> Py<PyOwner> {
        self.inner.owner.clone_ref(py)
    }

    #[getter(_prefix)]
    fn prefix(&self) -> &str {
        self.inner.cache.keys().prefix()
    }

    fn close(&self, py: Python<'_>) {
        self.inner.cache.close_local();
        py.detach(|| self.inner.cache.close());
    }
}
