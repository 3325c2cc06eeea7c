//! Arguments: what Python code passes, as the core's types, once and at the edge.

use super::errors::ConfigError;
use super::outcall;
use crate::config::{OptionValue, Ttl};
use crate::error::{Error, Result};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyEllipsis, PyFloat, PyInt, PyString};
use std::time::Duration;

/// A lifetime: `int`, `float` or `timedelta` in seconds, `None` for ever; not given or `...`, the cache's own.
#[derive(Debug, Clone, Copy)]
pub(super) enum TtlArg {
    Default,
    Given(Ttl),
}

impl TtlArg {
    pub(super) fn or(self, default: Ttl) -> Ttl {
        match self {
            Self::Default => default,
            Self::Given(ttl) => ttl,
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for TtlArg {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.is_none() {
            return Ok(Self::Given(Ttl::Never));
        }
        if object.is_instance_of::<PyEllipsis>() {
            return Ok(Self::Default);
        }
        seconds(object, "ttl").map(|seconds| Self::Given(lifetime(seconds)))
    }
}

/// Seconds as a lifetime: 0, negative and less than a millisecond all mean "gone at once".
fn lifetime(seconds: f64) -> Ttl {
    if seconds * 1000.0 < 1.0 { Ttl::For(Duration::ZERO) } else { Ttl::For(Duration::from_secs_f64(seconds)) }
}

/// A thousand years: longer than any server lives, and far from every overflow.
const LONGEST_SECONDS: f64 = 1000.0 * 366.0 * 86_400.0;

/// How many keys the server looks at per round trip of a walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepArg(pub(super) usize);

impl StepArg {
    /// Some 0.3 ms of the server's time.
    pub(super) const DEFAULT: Self = Self(1000);
    /// More would hold up everybody else.
    const LONGEST: usize = 1_000_000;
}

impl<'a, 'py> FromPyObject<'a, 'py> for StepArg {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        object.extract().ok().filter(|step| (1..=Self::LONGEST).contains(step)).map(Self).ok_or_else(|| {
            let longest = Self::LONGEST;
            ConfigError::new_err(format!(
                "'itersize' must be an int from 1 to {longest}, in keys looked at per round trip"
            ))
        })
    }
}

/// `int`, `float` or `timedelta` as seconds.
pub(super) fn seconds(object: Borrowed<'_, '_, PyAny>, name: &str) -> PyResult<f64> {
    let wrong = || {
        let kind = object.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        ConfigError::new_err(format!("'{name}' must be a number of seconds, a timedelta or None, not of type {kind}"))
    };
    if object.is_instance_of::<PyBool>() {
        return Err(wrong());
    }
    let seconds: f64 = if object.is_instance_of::<PyInt>() || object.is_instance_of::<PyFloat>() {
        // An int that no float can hold is larger than every limit.
        object.extract().unwrap_or(f64::INFINITY)
    } else if let Ok(total) = object.call_method0("total_seconds") {
        total.extract()?
    } else {
        return Err(wrong());
    };
    if seconds.is_nan() || seconds > LONGEST_SECONDS {
        return Err(ConfigError::new_err(format!(
            "'{name}' must be a number of seconds, at most a thousand years, not {seconds}; None means for ever"
        )));
    }
    Ok(seconds)
}

/// A span of time that has to be positive.
pub(super) fn duration(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Duration> {
    match lifetime(seconds(object.as_borrowed(), name)?) {
        Ttl::For(span) if !span.is_zero() => Ok(span),
        _ => Err(ConfigError::new_err(format!("'{name}' must be a positive number of seconds, not {object}"))),
    }
}

/// A span of time; a negative one is none.
pub(super) fn span(seconds: f64, name: &str) -> PyResult<Duration> {
    if seconds.is_nan() || seconds > LONGEST_SECONDS {
        return Err(ConfigError::new_err(format!("'{name}' must be a number of seconds, at most a thousand years")));
    }
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}

/// Names of tags, sorted, each once.
pub(super) fn names(tags: &Bound<'_, PyAny>, most: usize) -> PyResult<Vec<Box<str>>> {
    if tags.is_instance_of::<PyString>() || tags.is_instance_of::<PyBytes>() {
        return Err(ConfigError::new_err("'tags' must be several names, as in tags=['product:1'], not one text"));
    }
    let mut names = Vec::new();
    for name in outcall::items(tags)? {
        let name = name?;
        let Ok(name) = name.cast::<PyString>() else {
            let kind = name.get_type().qualname()?.to_string();
            return Err(ConfigError::new_err(format!("a tag must be a str, not {kind}")));
        };
        names.push(Box::from(utf8(name, "a tag")?));
    }
    names.sort_unstable();
    names.dedup();
    if names.len() > most {
        return Err(ConfigError::new_err(format!("an entry may have {most} tags, not {}", names.len())));
    }
    Ok(names)
}

/// A version, as the text that stands in the key.
pub(super) fn version(object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    object.map(|object| utf8(&outcall::text(object)?, "'version'").map(str::to_owned)).transpose()
}

/// The UTF-8 of a text; `name` is what a message calls it.
pub(super) fn utf8<'a>(text: &'a Bound<'_, PyString>, name: &str) -> PyResult<&'a str> {
    text.to_str()
        .map_err(|_| ConfigError::new_err(format!("{name} must be text that UTF-8 can hold; it has lone surrogates")))
}

/// The caller's own serializer, if one of the named options is that.
pub(super) fn serializer<'py>(given: Option<&Bound<'py, PyDict>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = given.map(|given| given.get_item("serializer")).transpose()?.flatten();
    Ok(found.filter(is_serializer))
}

fn is_serializer(value: &Bound<'_, PyAny>) -> bool {
    ["dumps", "loads"].into_iter().all(|name| value.getattr(name).is_ok_and(|found| found.is_callable()))
}

/// Refuses what cannot be called, where it is given.
pub(super) fn function(given: Option<Py<PyAny>>, name: &str, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
    match given {
        Some(found) if !found.bind(py).is_callable() => {
            Err(ConfigError::new_err(format!("'{name}' must be a function, or None")))
        }
        given => Ok(given),
    }
}

/// Named options for [`Settings::new`](crate::config::Settings::new).
pub(super) fn options(given: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<(String, OptionValue)>> {
    let mut options = Vec::new();
    for (name, value) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        if name == "serializer" && is_serializer(&value) {
            continue;
        }
        if name == "local"
            && let Ok(local) = value.call_method0(intern!(value.py(), "options"))
        {
            for (name, value) in local.cast::<PyDict>()? {
                let name: String = name.extract()?;
                options.push((name.clone(), option(&name, &value)?));
            }
            continue;
        }
        options.push((name.clone(), option(&name, &value)?));
    }
    Ok(options)
}

fn option(name: &str, value: &Bound<'_, PyAny>) -> PyResult<OptionValue> {
    Ok(if value.is_none() {
        OptionValue::None
    } else if let Ok(flag) = value.cast::<PyBool>() {
        OptionValue::Bool(flag.is_true())
    } else if value.is_instance_of::<PyInt>() {
        OptionValue::Int(value.extract().map_err(|_| ConfigError::new_err(format!("'{name}' is too large a number")))?)
    } else if value.is_instance_of::<PyFloat>() {
        OptionValue::Float(value.extract()?)
    } else if let Ok(text) = value.cast::<PyString>() {
        OptionValue::Text(utf8(text, &format!("'{name}'"))?.to_owned())
    } else if let Ok(path) = value.call_method0("__fspath__") {
        OptionValue::Text(utf8(path.cast()?, &format!("'{name}'"))?.to_owned())
    } else if let Ok(seconds) = value.call_method0("total_seconds") {
        OptionValue::Float(seconds.extract()?)
    } else if value.is_instance_of::<PyBytes>() {
        return Err(ConfigError::new_err(format!("'{name}' must be text (a string), not bytes")));
    } else if let Ok(items) = value.try_iter() {
        let items: PyResult<Vec<String>> = items.map(|item| item?.extract()).collect();
        OptionValue::List(items.map_err(|_| ConfigError::new_err(format!("'{name}' must be a list of texts")))?)
    } else {
        let kind = value.get_type().qualname()?.to_string();
        let advice =
            if name == "serializer" { "give an object with dumps() and loads()" } else { "see the table of options" };
        return Err(ConfigError::new_err(format!("'{name}' cannot be of type {kind}; {advice}")));
    })
}

/// What a counter is changed by, 1 if not given; `sign` is -1 for `decr`.
pub(super) fn delta(object: Option<&Bound<'_, PyAny>>, sign: i64) -> PyResult<i64> {
    let Some(object) = object else { return Ok(sign) };
    if !object.is_instance_of::<PyInt>() {
        let kind = object.get_type().qualname()?.to_string();
        return Err(PyTypeError::new_err(format!("'delta' must be an int, not {kind}")));
    }
    let delta = object.extract::<i64>().ok().and_then(|delta| delta.checked_mul(sign));
    delta.ok_or_else(|| Error::CounterOverflow(format!("a counter has 64 bits and cannot change by {object}")).into())
}

/// One argument of a raw command.
pub(super) fn command_part(part: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = part.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(text) = part.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().to_vec());
    }
    if part.is_instance_of::<PyBool>() || !(part.is_instance_of::<PyInt>() || part.is_instance_of::<PyFloat>()) {
        let kind = part.get_type().qualname()?.to_string();
        return Err(PyTypeError::new_err(format!("a command is made of str, bytes, int and float, not {kind}")));
    }
    Ok(part.str()?.to_str()?.as_bytes().to_vec())
}

/// Commands that would change a pooled connection for whoever takes it next, or never answer.
const STATEFUL: [&str; 24] = [
    "AUTH",
    "HELLO",
    "SELECT",
    "RESET",
    "QUIT",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH",
    "UNWATCH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SSUBSCRIBE",
    "SUNSUBSCRIBE",
    "MONITOR",
    "SYNC",
    "PSYNC",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "FAILOVER",
    "ASKING",
];

/// Refuses commands that do not work on a connection shared with others.
///
/// # Errors
/// It names the command.
pub(super) fn refuse_stateful(parts: &[Vec<u8>]) -> Result<()> {
    let word = |index: usize| {
        parts.get(index).map(|part| String::from_utf8_lossy(part).to_ascii_uppercase()).unwrap_or_default()
    };
    let (name, sub) = (word(0), word(1));
    if name.is_empty() {
        return Err(Error::Config("execute() needs the name of a command".to_owned()));
    }
    let client = name == "CLIENT"
        && matches!(sub.as_str(), "REPLY" | "TRACKING" | "CACHING" | "NO-EVICT" | "NO-TOUCH" | "SETNAME");
    if client || STATEFUL.contains(&name.as_str()) {
        let shown = if client { format!("{name} {sub}") } else { name };
        return Err(Error::Config(format!(
            "execute() cannot run '{shown}': it changes the connection, which the next caller shares; use a client of your own"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_below_a_millisecond_is_gone_at_once() {
        for seconds in [0.0, -5.0, 0.000_9, f64::NEG_INFINITY] {
            assert_eq!(lifetime(seconds), Ttl::For(Duration::ZERO), "{seconds}");
        }
        assert_eq!(lifetime(1.5), Ttl::For(Duration::from_millis(1500)));
    }

    #[test]
    fn commands_that_change_the_connection_are_refused() {
        for command in [&["select", "1"][..], &["CLIENT", "reply", "off"], &["multi"], &[]] {
            let parts: Vec<_> = command.iter().map(|part| part.as_bytes().to_vec()).collect();
            assert!(refuse_stateful(&parts).is_err(), "{command:?}");
        }
        assert!(refuse_stateful(&[b"CLIENT".to_vec(), b"LIST".to_vec()]).is_ok());
    }
}
