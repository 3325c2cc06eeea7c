//! A URL, taken apart into an address and options.
//!
//! A password with a raw `/`, `?` or `#` moves the end of the host, so that parts of the password turn up as host,
//! port, path or query. What looks like that mistake is refused first, by a message that shows nothing of the URL.

use super::options::is_known;
use super::{Address, defaults};
use crate::error::{Error, Result};
use ::url::{Host, Url};
use std::path::PathBuf;

const EXAMPLE: &str = "a URL looks like 'redis://user:password@host:6379/0' or 'unix:///run/redis.sock?db=0'";
const SCHEMES: &str = "'redis://', 'rediss://', 'valkey://', 'valkeys://', 'unix://' or 'memory://'";

/// What redis-py calls an option that means the same here.
const ALIASES: [(&str, &str); 5] = [
    ("socket_timeout", "timeout"),
    ("ssl_ca_certs", "tls_ca_file"),
    ("ssl_cert_reqs", "tls_verify"),
    ("ssl_certfile", "tls_cert_file"),
    ("ssl_keyfile", "tls_key_file"),
];

/// What a URL says.
#[derive(Debug)]
pub(super) struct Parts {
    /// Where the server listens.
    pub(super) address: Address,
    /// Whether the scheme asks for TLS.
    pub(super) is_encrypted: bool,
    /// Options by our names, each once, as text.
    pub(super) options: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Tcp,
    Tls,
    Unix,
    Memory,
}

/// Takes a URL apart.
///
/// # Errors
/// It is no URL, or of a kind that is not supported, or contradicts itself. The message shows no credentials.
pub(super) fn parse(text: &str) -> Result<Parts> {
    let (transport, rest) = scheme(text)?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // "unix:///tmp/a@b" is the one place where a raw '@' can be no end of a password.
    let may_be_password = transport != Transport::Unix || !authority.is_empty();
    if tail.contains('#') || (may_be_password && tail.contains('@')) {
        return Err(config(
            "the URL has a '#', or an '@' behind its host; write '/', '?', '#', '@' as '%2F', '%3F', '%23', '%40'",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(config(
            "the URL has a line break or another control character; remove it, or write it as '%0A' and so on",
        ));
    }
    let url = Url::parse(&format!("redis://{}{tail}", with_host(authority)))
        .map_err(|error| config(&format!("the URL cannot be read: {error}; {EXAMPLE}")))?;
    let mut parts =
        Parts { address: address(&url, transport)?, is_encrypted: transport == Transport::Tls, options: Vec::new() };
    parts.add("username", decode(url.username())?)?;
    parts.add("password", decode(url.password().unwrap_or_default())?)?;
    if transport != Transport::Unix {
        parts.add("db", decode(url.path().trim_matches('/'))?)?;
    }
    parts.add_query(url.query().unwrap_or_default())?;
    Ok(parts)
}

impl Parts {
    fn add_query(&mut self, query: &str) -> Result<()> {
        // A raw '&' in a password would make an option name of the password's second half.
        let may_be_password = query.contains("password=");
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, mut value) = (decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?);
            let alias = ALIASES.iter().find(|alias| alias.0 == name);
            let ours = alias.map_or(name.as_str(), |alias| alias.1);
            if name == "socket_connect_timeout" {
                return Err(config(
                    "the URL sets 'socket_connect_timeout'; remove it: 'timeout' covers connecting, too",
                ));
            }
            if may_be_password && !is_known(ours) {
                return Err(config("the URL has an unknown option behind its '?'; write '&' in a password as '%26'"));
            }
            if name == "ssl_cert_reqs" {
                value = is_verified(&value)?.to_string();
            }
            self.add_given(ours, value)?;
        }
        Ok(())
    }

    /// Adds what the URL says outside of its query, where an empty text means that it says nothing.
    fn add(&mut self, name: &str, value: String) -> Result<()> {
        if value.is_empty() { Ok(()) } else { self.add_given(name, value) }
    }

    fn add_given(&mut self, name: &str, value: String) -> Result<()> {
        match self.options.iter().find(|known| known.0 == name) {
            None => self.options.push((name.to_owned(), value)),
            Some((_, known)) if *known == value => {}
            Some(_) => {
                return Err(config(&format!(
                    "the URL gives '{}' twice, with different values; give it once",
                    name.escape_debug()
                )));
            }
        }
        Ok(())
    }
}

fn config(message: &str) -> Error {
    Error::Config(message.to_owned())
}

fn scheme(text: &str) -> Result<(Transport, &str)> {
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let Some((name, rest)) =
        text.split_once("://").filter(|(name, _)| !name.is_empty() && name.bytes().all(is_scheme_byte))
    else {
        return Err(config(&format!("the URL has no scheme such as 'redis://'; {EXAMPLE}")));
    };
    let transport = match name.to_ascii_lowercase().as_str() {
        "redis" | "valkey" => Transport::Tcp,
        "rediss" | "valkeys" => Transport::Tls,
        "unix" | "redis+unix" => Transport::Unix,
        "memory" => Transport::Memory,
        name @ ("redis+sentinel" | "redis+cluster") => {
            return Err(config(&format!("'{name}://' is not in this release; use {SCHEMES}")));
        }
        _ => {
            let shown: String = name.chars().take(20).collect();
            return Err(config(&format!("unknown URL scheme '{shown}://'; use {SCHEMES}")));
        }
    };
    Ok((transport, rest))
}

/// The authority with a host in it: the URL standard knows none without, but `redis://:password@/0` is common.
fn with_host(authority: &str) -> String {
    let host_at = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, host) = authority.split_at(host_at);
    let default = if host.is_empty() || host.starts_with(':') { defaults::HOST } else { "" };
    format!("{user}{default}{host}")
}

fn address(url: &Url, transport: Transport) -> Result<Address> {
    if transport == Transport::Memory {
        return memory(url);
    }
    // The scheme is none that the URL standard knows, so it left the host as it was: no punycode, no IPv4.
    let host = match url.host() {
        Some(Host::Domain(name)) => {
            Host::parse(name).map_err(|error| config(&format!("the host of the URL cannot be read: {error}")))?
        }
        Some(Host::Ipv4(number)) => Host::Ipv4(number),
        Some(Host::Ipv6(number)) => Host::Ipv6(number),
        None => Host::Domain(defaults::HOST.to_owned()),
    };
    let host = match host {
        Host::Domain(name) => name,
        Host::Ipv4(number) => number.to_string(),
        Host::Ipv6(number) => number.to_string(),
    };
    if transport != Transport::Unix {
        return match url.port().unwrap_or(defaults::PORT) {
            0 => Err(config("the port of the URL is 0; use one from 1 to 65535")),
            port => Ok(Address::Tcp { host, port }),
        };
    }
    let path = decode(url.path())?;
    if host != defaults::HOST || url.port().is_some() || path.len() < 2 || path.contains('\0') {
        return Err(config(
            "a unix URL has three slashes and a path, and neither host nor port: 'unix:///run/redis.sock'",
        ));
    }
    Ok(Address::Unix { path: PathBuf::from(path) })
}

fn memory(url: &Url) -> Result<Address> {
    if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
        return Err(config("a memory URL has a name at most, and neither user, password nor port: 'memory://name'"));
    }
    // The host that stands in for none is the name that stands in for none.
    let name = url.host_str().filter(|name| *name != defaults::HOST).unwrap_or_default();
    let name = decode(name)?;
    if name.contains(|letter: char| letter == '/' || letter.is_control()) {
        return Err(config("a memory URL has a name without '/' and control characters: 'memory://name'"));
    }
    Ok(Address::Memory { name })
}

fn is_verified(reqs: &str) -> Result<bool> {
    match reqs.to_ascii_lowercase().as_str() {
        "none" => Ok(false),
        // Of a server's certificate, Python's `ssl` requires "optional" just the same.
        "optional" | "required" => Ok(true),
        _ => Err(config("the URL sets 'ssl_cert_reqs' to an unknown value; use 'none' or 'required'")),
    }
}

/// Replaces `%2F` and the like. A `%` that no two hexadecimal digits follow stands for itself, as redis-py has it.
fn decode(text: &str) -> Result<String> {
    let hex = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        match (first, hex(rest.first()), hex(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                bytes = &rest[2..];
            }
            _ => decoded.push(*first),
        }
    }
    String::from_utf8(decoded).map_err(|_| config("the URL is not UTF-8 behind its '%' signs"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Address, Secret, Settings, Ttl};
    use proptest::prelude::*;
    use std::time::Duration;

    fn read(url: &str) -> Settings {
        Settings::new(url, &[]).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn refused(url: &str) -> String {
        Settings::new(url, &[]).expect_err(url).to_string()
    }

    fn credentials(settings: &Settings) -> (Option<&str>, Option<&str>) {
        (settings.server.username.as_deref(), settings.server.password.as_ref().map(Secret::reveal))
    }

    #[test]
    fn every_scheme_gives_its_address() {
        for (url, address, is_encrypted) in [
            ("redis://", "localhost:6379", false),
            ("redis:///3", "localhost:6379", false),
            ("redis://:7000", "localhost:7000", false),
            ("REDIS://Cache.Example.com:7000/", "cache.example.com:7000", false),
            ("valkey://my_redis", "my_redis:6379", false),
            ("rediss://10.0.0.1", "10.0.0.1:6379", true),
            ("valkeys://[::1]:7000/2", "[::1]:7000", true),
            ("redis://:pw@[2001:db8::1]", "[2001:db8::1]:6379", false),
            ("redis://bücher.example", "xn--bcher-kva.example:6379", false),
            ("unix:///run/redis.sock", "/run/redis.sock", false),
            ("unix:///run/a%20b@c.sock?db=1", "/run/a b@c.sock", false),
            ("redis+unix://user:pw@/run/redis.sock", "/run/redis.sock", false),
            ("memory://", "memory://", false),
            ("memory://site/3?max_bytes=100000000", "memory://site", false),
        ] {
            let server = read(url).server;
            assert_eq!((server.address.to_string().as_str(), server.tls.is_some()), (address, is_encrypted), "{url}");
        }
        assert_eq!(read("redis://[::1]").server.address, Address::Tcp { host: "::1".to_owned(), port: 6379 });
    }

    #[test]
    fn user_and_password_are_decoded() {
        for (url, username, password) in [
            ("redis://h", None, None),
            ("redis://:@h", None, None),
            ("redis://:pw@h", None, Some("pw")),
            ("redis://ann:pw@h", Some("ann"), Some("pw")),
            ("redis://ann@h", Some("ann"), None),
            ("redis://:pw@/0", None, Some("pw")),
            ("redis://a%40b:%2F%3F%23%26@h", Some("a@b"), Some("/?#&")),
            ("redis://:p@s:s@h", None, Some("p@s:s")),
            ("redis://:100%+ü@h", None, Some("100%+ü")),
            ("unix://ann:pw@/run/redis.sock", Some("ann"), Some("pw")),
            ("redis://h?username=ann&password=%26", Some("ann"), Some("&")),
        ] {
            assert_eq!(credentials(&read(url)), (username, password), "{url}");
        }
    }

    #[test]
    fn the_query_holds_options_by_our_names_and_redis_pys() {
        let settings =
            read("rediss://h/3/?timeout=0.2&ttl=none&critical=sessions,auth&staged_wait=off&ssl_cert_reqs=none&db=3");
        assert_eq!(settings.server.db, 3);
        assert_eq!(settings.server.timeout, Duration::from_millis(200));
        assert_eq!(settings.cache.ttl, Ttl::Never);
        assert_eq!(settings.cache.critical, ["sessions", "auth"]);
        assert!(!settings.server.staged_wait);
        assert!(settings.server.tls.is_some_and(|tls| !tls.verify));
        assert_eq!(read("unix:///s?socket_timeout=2&db=5").server.timeout, Duration::from_secs(2));
        assert!(read("rediss://h?ssl_cert_reqs=required").server.tls.is_some_and(|tls| tls.verify));
    }

    #[test]
    fn a_wrong_url_is_refused_with_advice() {
        for (url, advice) in [
            ("", "a URL looks like"),
            ("localhost:6379", "a URL looks like"),
            ("redis:h", "a URL looks like"),
            ("://h", "a URL looks like"),
            ("http://h", "unknown URL scheme 'http://'; use 'redis://'"),
            ("memory://:pw@name", "a memory URL"),
            ("memory://name:6379", "a memory URL"),
            ("memory://a%2Fb", "without '/'"),
            ("memory://a%0Ab", "without '/'"),
            ("memory://?max_bytes=1", "option 'max_bytes' is 1; use"),
            ("redis://?max_bytes=100000000", "a server has its own setting, 'maxmemory'"),
            ("redis+sentinel://h", "'redis+sentinel://' is not in this release"),
            ("redis+cluster://h", "'redis+cluster://' is not in this release"),
            ("redis://h:99999", "invalid port number"),
            ("redis://h:0", "from 1 to 65535"),
            ("redis://a b", "the URL cannot be read"),
            ("redis://[::1", "cannot be read"),
            ("redis://h/x", "option 'db' is 'x'; use an integer"),
            ("redis://h/0/1", "option 'db' is '0/1'"),
            ("redis://h/1?db=2", "gives 'db' twice"),
            ("redis://:a@h?password=b", "gives 'password' twice"),
            ("redis://h?timeout=1&socket_timeout=2", "gives 'timeout' twice"),
            ("redis://h?timout=1", "did you mean 'timeout'?"),
            ("redis://h?timeout=fast", "option 'timeout' is 'fast'; use seconds"),
            ("redis://h?socket_connect_timeout=1", "'timeout' covers connecting"),
            ("rediss://h?ssl_cert_reqs=maybe", "use 'none' or 'required'"),
            ("redis://h?ssl_cert_reqs=none", "needs TLS; use a URL that starts with 'rediss://'"),
            ("redis://h?password=%FF", "not UTF-8"),
            ("redis://:%FF@h", "not UTF-8"),
            ("redis://h\n", "line break"),
            ("redis://h#0", "'%23'"),
            ("unix://run/redis.sock", "three slashes"),
            ("unix://", "three slashes"),
            ("unix:///run/%00", "three slashes"),
        ] {
            let message = refused(url);
            assert!(message.contains(advice), "{url}: {message}");
        }
    }

    #[test]
    fn a_raw_password_that_breaks_the_url_is_not_shown() {
        for url in [
            "redis://ann:12/S3CRET@h",
            "redis://ann:12?S3CRET@h",
            "redis://:#S3CRET@h",
            "unix://ann:/S3CRET@/run/redis.sock",
            "redis://:S3CRET",
            "redis://:S3CRET:6379",
            "ann:S3CRET@h:6379",
            "redis://h?password=a&S3CRET",
            "redis://h?password=a&S3CRET=1&S3CRET=2",
            "redis://h?passwrd=S3CRET",
            "redis://:S3CRET@h?password=x",
        ] {
            assert!(!refused(url).contains("S3CRET"), "{url}: {}", refused(url));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(
            text in any::<String>(),
            url in "(rediss?|valkeys?|unix|memory)://\\PC*",
            parts in "redis://[a%@:/?#&=\\[\\]0-9.+-]*",
        ) {
            for text in [text, url, parts] {
                if let Err(error) = Settings::new(&text, &[]) {
                    prop_assert!(error.to_string().chars().count() < 800);
                }
            }
        }

        #[test]
        fn no_message_and_no_debug_output_holds_the_password(
            scheme in "(redis|rediss|valkey|unix|memory|redis\\+cluster|http|)",
            user in "[a-z:@%]{0,4}",
            before in "[a-z0-9:/?#&=@%+\\[\\]\\\\ ]{0,4}",
            after in "[a-z0-9:/?#&=@%+\\[\\]\\\\ ]{0,4}",
            host in "(|h|h:1|h:x|\\[::1\\]|[a-z:]{1,3})",
            path in "(|/|/3|/x|/run/redis.sock)",
            query in "(|\\?db=4|\\?db=x|\\?timeout=0|\\?password=b|\\?bogus=1|\\?tls_verify=no)",
        ) {
            let url = format!("{scheme}://{user}:{before}S3CRET{after}@{host}{path}{query}");
            let shown = match Settings::new(&url, &[]) {
                Ok(settings) => format!("{settings:?} {}", settings.server.address),
                Err(error) => format!("{error:?} {error}"),
            };
            prop_assert!(!shown.to_lowercase().contains("s3cret"), "{}: {}", url, shown);
        }

        #[test]
        fn what_is_percent_encoded_comes_back(password in "\\PC{1,12}") {
            let encoded: Vec<String> = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let encoded = encoded.concat();
            let settings = read(&format!("redis://:{encoded}@h?username={encoded}"));
            prop_assert_eq!(credentials(&settings), (Some(password.as_str()), Some(password.as_str())));
        }
    }
}
