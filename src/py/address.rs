//! `hitrate._native.Proxies`: whose request it is.

use super::errors::ConfigError;
use crate::address::{Header, Proxies, Said, cut};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::borrow::Cow;

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Proxies", module = "hitrate._native", frozen)]
pub(super) struct PyProxies(Proxies);

#[pymethods]
impl PyProxies {
    #[new]
    fn new(networks: Vec<String>) -> PyResult<Self> {
        Ok(Self(Proxies::new(networks.iter().map(String::as_str))?))
    }

    #[pyo3(signature = (peer, forwarded, x_forwarded_for, *, header=None, ipv6_prefix=128))]
    fn client(
        &self,
        peer: Option<&Bound<'_, PyString>>,
        forwarded: Option<&Bound<'_, PyString>>,
        x_forwarded_for: Option<&Bound<'_, PyString>>,
        header: Option<&str>,
        ipv6_prefix: u8,
    ) -> PyResult<Option<String>> {
        let header = match header {
            None => Header::Either,
            Some("forwarded") => Header::Forwarded,
            Some("x-forwarded-for") => Header::XForwardedFor,
            Some(other) => {
                let message = format!("unknown header '{other:.100}'; use 'forwarded', 'x-forwarded-for' or None");
                return Err(ConfigError::new_err(message));
            }
        };
        let (peer, forwarded, plain) = (text(peer), text(forwarded), text(x_forwarded_for));
        let said = Said { peer: &peer, forwarded: &forwarded, x_forwarded_for: &plain };
        Ok(self.0.client(said, header).map(|address| cut(address, ipv6_prefix).to_string()))
    }
}

/// Lone surrogates, which a header may bring, become signs that stand in no address.
fn text<'a>(given: Option<&'a Bound<'_, PyString>>) -> Cow<'a, str> {
    given.map_or(Cow::Borrowed(""), |given| given.to_string_lossy())
}
