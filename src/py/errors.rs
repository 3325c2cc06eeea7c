//! The one way from our errors to Python's. The classes live in `hitrate/exceptions.py`.

use crate::error::{Error, Refusal};
use pyo3::PyErr;
use pyo3::import_exception;

import_exception!(hitrate.exceptions, ConfigError);
import_exception!(hitrate.exceptions, InvalidKeyError);
import_exception!(hitrate.exceptions, SerializationError);
import_exception!(hitrate.exceptions, MissingKeyError);
import_exception!(hitrate.exceptions, NotANumberError);
import_exception!(hitrate.exceptions, CounterOverflowError);
import_exception!(hitrate.exceptions, ServerConnectionError);
import_exception!(hitrate.exceptions, AuthenticationError);
import_exception!(hitrate.exceptions, ServerTimeoutError);
import_exception!(hitrate.exceptions, ServerUnavailableError);
import_exception!(hitrate.exceptions, ServerStateError);
import_exception!(hitrate.exceptions, ServerPermissionError);
import_exception!(hitrate.exceptions, ServerResponseError);
import_exception!(hitrate.exceptions, ProtocolError);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Config(_) => ConfigError::new_err(message),
            Error::InvalidKey(_) => InvalidKeyError::new_err(message),
            Error::Unstorable(_) => SerializationError::new_err(message),
            Error::MissingKey(_) => MissingKeyError::new_err(message),
            Error::NotANumber(_) => NotANumberError::new_err(message),
            Error::CounterOverflow(_) => CounterOverflowError::new_err(message),
            Error::Connection { .. } => ServerConnectionError::new_err(message),
            Error::Timeout { .. } => ServerTimeoutError::new_err(message),
            Error::Unavailable { .. } => ServerUnavailableError::new_err(message),
            Error::Protocol(_) => ProtocolError::new_err(message),
            Error::Server(error) => match error.refusal() {
                Refusal::State => ServerStateError::new_err(message),
                Refusal::Authentication => AuthenticationError::new_err(message),
                Refusal::Permission => ServerPermissionError::new_err(message),
                Refusal::Command => ServerResponseError::new_err(message),
            },
            // Whoever waits keeps the exception that interrupted it and raises that one; this is for nobody's signal.
            Error::Interrupted => pyo3::exceptions::PyKeyboardInterrupt::new_err(message),
        }
    }
}
