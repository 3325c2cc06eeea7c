//! Settings as types, and the one table of defaults.
//!
//! [`Settings::new`] turns a URL and named options into [`Settings`] once. Everything behind it takes these types,
//! whose values are valid as they are.

mod options;
mod url;
mod values;

pub use options::OptionValue;
pub use values::{Compressor, Serializer, Unpickle};

use crate::error::{Error, Result};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What holds where neither the URL nor an option says otherwise.
pub mod defaults {
    use super::{Layout, OnError, Protocol, Serializer, Ttl};
    use std::time::Duration;

    /// Host of a URL that names none.
    pub const HOST: &str = "localhost";
    /// Port of a URL that names none.
    pub const PORT: u16 = 6379;
    /// Database number.
    pub const DB: u32 = 0;
    /// What `CLIENT LIST` shows.
    pub const CLIENT_NAME: &str = "hitrate";
    /// What the greeting asks for first.
    pub const PROTOCOL: Protocol = Protocol::Resp3;
    /// Deadline of one round trip.
    pub const TIMEOUT: Duration = Duration::from_millis(500);
    /// Deadline of an operation of many round trips.
    pub const BULK_TIMEOUT: Duration = Duration::from_secs(30);
    /// Connections of one process.
    pub const MAX_CONNECTIONS: usize = 64;
    /// How long an unused connection stays open.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
    /// Whether a wait may begin with a short poll.
    pub const STAGED_WAIT: bool = true;
    /// Longest reply that is read, in bytes.
    pub const MAX_REPLY_BYTES: usize = 512 << 20;
    /// Bound of an embedded store.
    pub const MAX_BYTES: usize = 64 << 20;
    /// Whether the server's certificate is checked.
    pub const TLS_VERIFY: bool = true;
    /// First part of every key.
    pub const PREFIX: &str = "";
    /// How keys are spelled.
    pub const LAYOUT: Layout = Layout::Plain;
    /// Version part of keys, where the layout has one.
    pub const VERSION: &str = "1";
    /// Lifetime of a value stored without one.
    pub const TTL: Ttl = Ttl::For(Duration::from_secs(300));
    /// How values are stored.
    pub const SERIALIZER: Serializer = Serializer::Json;
    /// Whether JSON is written in ASCII alone.
    pub const JSON_ASCII: bool = true;
    /// Whether JSON is written inside a mapping with the time.
    pub const JSON_ENVELOPE: bool = false;
    /// Longest value, in bytes as its serializer wrote it.
    pub const MAX_VALUE_BYTES: usize = 64 << 20;
    /// Whether values without a signature are read although there are keys.
    pub const ACCEPT_UNSIGNED: bool = false;
    /// What a caller meets when the server is away.
    pub const ON_ERROR: OnError = OnError::Miss;
    /// Invalidations remembered while the server is away.
    pub const JOURNAL_MAX_KEYS: usize = 10_000;
    /// Bound of a local cache.
    pub const LOCAL_MAX_BYTES: usize = 64 << 20;
    /// How long after a write was acknowledged the value of before may be served from a local cache.
    pub const LOCAL_MAX_STALENESS: Duration = Duration::from_secs(1);
    /// Whether the server is asked to say what is written.
    pub const LOCAL_TRACKING: bool = true;
    /// Whether it is remembered that there is no value.
    pub const LOCAL_NEGATIVE: bool = false;
    /// Beginnings of keys that no local cache holds: sessions, throttles, limits, locks.
    pub const LOCAL_EXCLUDE: [&str; 6] =
        ["django.contrib.sessions.", "throttle_", "rate:", "view_count:", "rl:", "lock:"];
}

/// Everything a cache needs to know.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The server and the way to it.
    pub server: Server,
    /// What is stored there, and how.
    pub cache: CacheSettings,
}

/// The server and the way to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// Where it listens.
    pub address: Address,
    /// The ACL user; none means the server's default user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Database number.
    pub db: u32,
    /// What `CLIENT LIST` shows: printable ASCII without spaces.
    pub client_name: String,
    /// What the greeting asks for first.
    pub protocol: Protocol,
    /// How to encrypt; none means not at all.
    pub tls: Option<Tls>,
    /// Deadline of one round trip: slot, connection, TLS, request and reply together.
    pub timeout: Duration,
    /// Deadline of an operation of many round trips.
    pub bulk_timeout: Duration,
    /// Connections of this process, at least one.
    pub max_connections: usize,
    /// How long an unused connection stays open; [`Duration::MAX`] means for ever, so compare, never add it to a time.
    pub idle_timeout: Duration,
    /// Whether a wait may begin with a short poll.
    pub staged_wait: bool,
    /// Longest reply that is read, in bytes.
    pub max_reply_bytes: usize,
    /// Bound of an embedded store, in bytes.
    pub max_bytes: usize,
}

/// Where a server listens. Printed without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// Name or address; an IPv6 address stands without brackets.
        host: String,
        /// The port, not 0.
        port: u16,
    },
    /// A unix socket.
    Unix {
        /// The socket's file.
        path: PathBuf,
    },
    /// Nowhere: an embedded store of this process.
    Memory {
        /// Caches that give the same name share a store.
        name: String,
    },
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// Certificates of the authorities to trust; none means the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain; comes together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The client's private key; comes together with `cert_file`.
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate must carry; none means the host of the address.
    pub server_name: Option<String>,
    /// Whether the server's certificate is checked.
    pub verify: bool,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The version of the protocol that the greeting asks for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2: no `HELLO` is sent.
    Resp2,
    /// RESP3 by `HELLO`, or RESP2 where the server does not know that.
    Resp3,
}

/// What is stored, and how.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CacheSettings {
    /// First part of every key.
    pub prefix: String,
    /// How keys are spelled.
    pub layout: Layout,
    /// Version part of keys, where the layout has one.
    pub version: String,
    /// Lifetime of a value stored without one.
    pub ttl: Ttl,
    /// How values are stored.
    pub serializer: Serializer,
    /// Pickle's protocol, 0 to 5; none means Python's default.
    pub pickle_protocol: Option<u8>,
    /// Whether JSON is written in ASCII alone, and everything else escaped; if not, in UTF-8.
    pub json_ascii: bool,
    /// Whether JSON is written as `{"data": value, "cached_at": time}`.
    pub json_envelope: bool,
    /// Which pickles are read; none means all of them if they are written, and otherwise none.
    pub unpickle: Option<Unpickle>,
    /// What the safe unpickler may call or make beside its own list, as `module.name`.
    pub unpickle_globals: Vec<String>,
    /// How values are compressed; none means not at all. What others compressed is read in any case.
    pub compressor: Option<Compressor>,
    /// How hard it tries; none means as hard as in django-redis.
    pub compress_level: Option<u8>,
    /// Shorter values are not compressed; none means the threshold of django-redis.
    pub compress_min_bytes: Option<usize>,
    /// Longest value, in bytes as its serializer wrote it.
    pub max_value_bytes: usize,
    /// Secrets that sign values, the newest first; without any, values are not signed.
    pub signing_keys: Vec<Secret>,
    /// Whether values without a signature are read although there are keys.
    pub accept_unsigned: bool,
    /// What a caller meets when the server is away.
    pub on_error: OnError,
    /// Beginnings of keys whose reads raise when the server is away, sessions for example.
    pub critical: Vec<String>,
    /// Invalidations remembered while the server is away, at least one.
    pub journal_max_keys: usize,
    /// The local cache; none means none.
    pub local: Option<LocalSettings>,
}

/// The local cache of each process.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LocalSettings {
    /// Bound, in bytes.
    pub max_bytes: usize,
    /// How long after a write was acknowledged the value of before may be served.
    pub max_staleness: Duration,
    /// How long a copy is kept at most; none means as long as the server keeps the value.
    pub max_ttl: Option<Duration>,
    /// Beginnings of keys that it never holds.
    pub exclude: Vec<String>,
    /// Whether the server is asked to say what is written.
    pub tracking: bool,
    /// Whether it remembers that there is no value.
    pub negative: bool,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            max_bytes: defaults::LOCAL_MAX_BYTES,
            max_staleness: defaults::LOCAL_MAX_STALENESS,
            max_ttl: None,
            exclude: defaults::LOCAL_EXCLUDE.into_iter().map(str::to_owned).collect(),
            tracking: defaults::LOCAL_TRACKING,
            negative: defaults::LOCAL_NEGATIVE,
        }
    }
}

/// How keys are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `prefix:key`.
    Plain,
    /// `prefix:version:key`, as Django spells them.
    Versioned,
}

/// Lifetime of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// It stays until it is deleted or evicted.
    Never,
    /// This long. Zero deletes instead of storing.
    For(Duration),
}

impl Ttl {
    /// Whether a value with this lifetime is gone at once.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::For(Duration::ZERO)
    }
}

/// What a caller meets when the server is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Reads miss, fills are dropped, invalidations are journaled; what must not be guessed raises.
    Miss,
    /// Every call raises.
    Raise,
    /// No call raises.
    Ignore,
}

impl Settings {
    /// The settings of a URL and named options; an option beats the same one in the URL.
    ///
    /// # Errors
    /// The URL or an option is wrong: [`Error::Config`] names it and what is allowed, and shows no credentials.
    pub fn new(url: &str, options: &[(String, OptionValue)]) -> Result<Self> {
        let parts = url::parse(url)?;
        let mut settings = Self { server: Server::at(parts.address), cache: CacheSettings::default() };
        settings.server.tls = parts.is_encrypted.then(Tls::default);
        for (name, text) in parts.options {
            options::set_from_text(&mut settings, &name, text)?;
        }
        for (name, value) in options {
            options::set(&mut settings, name, value.clone())?;
        }
        settings.server.tls.as_ref().map_or(Ok(()), Tls::check_files)?;
        settings.cache.check_values()?;
        Ok(settings)
    }
}

impl Server {
    /// The server at an address, all else by default.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self {
            address,
            username: None,
            password: None,
            db: defaults::DB,
            client_name: defaults::CLIENT_NAME.to_owned(),
            protocol: defaults::PROTOCOL,
            tls: None,
            timeout: defaults::TIMEOUT,
            bulk_timeout: defaults::BULK_TIMEOUT,
            max_connections: defaults::MAX_CONNECTIONS,
            idle_timeout: defaults::IDLE_TIMEOUT,
            staged_wait: defaults::STAGED_WAIT,
            max_reply_bytes: defaults::MAX_REPLY_BYTES,
            max_bytes: defaults::MAX_BYTES,
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            prefix: defaults::PREFIX.to_owned(),
            layout: defaults::LAYOUT,
            version: defaults::VERSION.to_owned(),
            ttl: defaults::TTL,
            serializer: defaults::SERIALIZER,
            pickle_protocol: None,
            json_ascii: defaults::JSON_ASCII,
            json_envelope: defaults::JSON_ENVELOPE,
            unpickle: None,
            unpickle_globals: Vec::new(),
            compressor: None,
            compress_level: None,
            compress_min_bytes: None,
            max_value_bytes: defaults::MAX_VALUE_BYTES,
            signing_keys: Vec::new(),
            accept_unsigned: defaults::ACCEPT_UNSIGNED,
            on_error: defaults::ON_ERROR,
            critical: Vec::new(),
            journal_max_keys: defaults::JOURNAL_MAX_KEYS,
            local: None,
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { ca_file: None, cert_file: None, key_file: None, server_name: None, verify: defaults::TLS_VERIFY }
    }
}

impl Tls {
    /// Finds now what would otherwise fail at the first connection.
    fn check_files(&self) -> Result<()> {
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err(Error::Config(
                "a client certificate needs its key; set both 'tls_cert_file' and 'tls_key_file', or neither"
                    .to_owned(),
            ));
        }
        let files =
            [("tls_ca_file", &self.ca_file), ("tls_cert_file", &self.cert_file), ("tls_key_file", &self.key_file)];
        files.into_iter().try_for_each(|(name, file)| file.as_deref().map_or(Ok(()), |path| check_file(name, path)))
    }
}

fn check_file(name: &str, path: &Path) -> Result<()> {
    let problem = match fs::metadata(path) {
        Ok(found) if found.is_dir() => "it is a directory".to_owned(),
        // Opening a pipe would wait for its writer.
        Ok(found) if !found.is_file() => return Ok(()),
        Ok(_) => match fs::File::open(path) {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    Err(Error::Config(format!("option '{name}' is '{}', which cannot be read: {problem}", path.display())))
}

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the server only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => write!(f, "{}", path.display()),
            Self::Memory { name } => write!(f, "memory://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str) -> Address {
        Address::Tcp { host: host.to_owned(), port: 6379 }
    }

    fn refused(url: &str, name: &str, value: &str) -> String {
        let options = [(name.to_owned(), OptionValue::Text(value.to_owned()))];
        Settings::new(url, &options).expect_err(name).to_string()
    }

    #[test]
    fn an_address_is_printed_as_it_is_dialled() {
        assert_eq!(tcp("redis.example.com").to_string(), "redis.example.com:6379");
        assert_eq!(tcp("::1").to_string(), "[::1]:6379");
        let unix = Address::Unix { path: "/run/redis.sock".into() };
        assert_eq!(unix.to_string(), "/run/redis.sock");
    }

    #[test]
    fn debug_output_hides_the_password() {
        let mut server = Server::at(tcp("localhost"));
        server.password = Some(Secret::new("hunter2".to_owned()));
        let shown = format!("{server:?}");
        assert!(shown.contains("password: Some(***)") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn without_options_the_defaults_hold() {
        let settings = Settings::new("redis://", &[]).expect("a URL");
        assert_eq!(settings, Settings { server: Server::at(tcp("localhost")), cache: CacheSettings::default() });
    }

    #[test]
    fn an_option_beats_the_url() {
        let options = [("db".to_owned(), OptionValue::Int(7)), ("password".to_owned(), OptionValue::None)];
        let server = Settings::new("redis://ann:a@h/3", &options).expect("valid").server;
        assert_eq!((server.db, server.username.as_deref()), (7, Some("ann")));
        assert_eq!(server.password.as_ref().map(Secret::reveal), Some("a"), "None leaves what the URL says");
    }

    #[test]
    fn tls_options_need_a_tls_url() {
        let advice = "needs TLS; use a URL that starts with 'rediss://' or 'valkeys://'";
        assert!(refused("redis://h", "tls_server_name", "h").ends_with(advice));
        assert!(refused("unix:///s", "tls_ca_file", "/ca.pem").ends_with(advice));
        Settings::new("redis://h", &[("tls_ca_file".to_owned(), OptionValue::None)]).expect("None says nothing");
    }

    #[test]
    fn files_must_exist_and_a_certificate_needs_its_key() {
        let missing = refused("rediss://h", "tls_ca_file", "/nowhere/ca.pem");
        assert!(missing.starts_with("option 'tls_ca_file' is '/nowhere/ca.pem', which cannot be read: "), "{missing}");
        assert!(refused("rediss://h", "tls_ca_file", "/").ends_with("it is a directory"));
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for name in ["tls_cert_file", "tls_key_file"] {
            assert!(refused("rediss://h", name, here).contains("set both 'tls_cert_file' and 'tls_key_file'"));
        }
        let pair = ["tls_cert_file", "tls_key_file"].map(|name| (name.to_owned(), OptionValue::Text(here.to_owned())));
        let tls = Settings::new("valkeys://h", &pair).expect("both exist").server.tls.expect("a TLS scheme");
        let path = Some(Path::new(here));
        assert_eq!((tls.cert_file.as_deref(), tls.key_file.as_deref(), tls.ca_file), (path, path, None));
    }
}
