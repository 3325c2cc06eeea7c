use super::OptionValue::{Bool, Float, Int, List, None, Text};
use super::*;
use proptest::prelude::*;

fn text(text: &str) -> OptionValue {
    Text(text.to_owned())
}

fn accepted(name: &str, value: OptionValue) -> Settings {
    Settings::new("rediss://h", &[(name.to_owned(), value)]).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(name: &str, value: OptionValue) -> String {
    let options = [(name.to_owned(), value)];
    Settings::new("rediss://h", &options).expect_err(name).to_string()
}

#[test]
fn each_option_changes_what_is_stored() {
    let cache = |name, value| accepted(name, value).cache;
    assert_eq!(cache("prefix", text("shop")).prefix, "shop");
    assert_eq!(cache("layout", text("django")).layout, Layout::Versioned);
    assert_eq!(cache("version", Int(2)).version, "2");
    assert_eq!(cache("version", text("v2")).version, "v2");
    assert_eq!(cache("ttl", Int(60)).ttl, Ttl::For(Duration::from_secs(60)));
    assert_eq!(cache("ttl", None).ttl, Ttl::Never);
    assert_eq!(cache("serializer", text("pickle")).serializer, Serializer::Pickle);
    assert_eq!(cache("pickle_protocol", Int(5)).pickle_protocol, Some(5));
    assert_eq!(cache("pickle_protocol", None).pickle_protocol, Option::None);
    assert!(!cache("json_ascii", Bool(false)).json_ascii);
    assert!(cache("json_envelope", Bool(true)).json_envelope);
    assert_eq!(cache("unpickle", text("safe")).unpickle, Some(Unpickle::Safe));
    assert_eq!(cache("unpickle_globals", List(vec!["shop.Price".to_owned()])).unpickle_globals, ["shop.Price"]);
    assert_eq!(cache("compressor", text("zstd")).compressor, Some(Compressor::Zstd));
    assert_eq!(cache("compress_min_bytes", Int(0)).compress_min_bytes, Some(0));
    assert_eq!(cache("max_value_bytes", Int(1)).max_value_bytes, 1);
    assert_eq!(cache("signing_keys", List(vec!["k".repeat(16)])).signing_keys, [Secret::new("k".repeat(16))]);
    assert!(cache("accept_unsigned", Bool(true)).accept_unsigned);
    assert_eq!(cache("on_error", text("raise")).on_error, OnError::Raise);
    assert_eq!(cache("critical", List(vec!["a,b".to_owned()])).critical, ["a,b"]);
    assert_eq!(cache("journal_max_keys", Int(1)).journal_max_keys, 1);
}

#[test]
fn each_option_changes_the_server() {
    let server = |name, value| accepted(name, value).server;
    assert_eq!(server("username", text("ann")).username.as_deref(), Some("ann"));
    assert_eq!(server("password", text("")).password, Option::None);
    assert_eq!(server("db", Int(15)).db, 15);
    assert_eq!(server("client_name", text("shop-1")).client_name, "shop-1");
    assert_eq!(server("protocol", Int(2)).protocol, Protocol::Resp2);
    assert_eq!(server("protocol", Int(3)).protocol, Protocol::Resp3);
    assert_eq!(server("timeout", Int(2)).timeout, Duration::from_secs(2));
    assert_eq!(server("bulk_timeout", Float(0.25)).bulk_timeout, Duration::from_millis(250));
    assert_eq!(server("max_connections", Int(10_000)).max_connections, 10_000);
    assert_eq!(server("idle_timeout", None).idle_timeout, Duration::MAX);
    assert!(!server("staged_wait", text("off")).staged_wait);
    assert!(!server("staged_wait", Bool(false)).staged_wait);
    assert!(server("staged_wait", text("auto")).staged_wait);
    assert_eq!(server("max_reply_bytes", Int(1024)).max_reply_bytes, 1024);
    let password = server("password", text("pw")).password.expect("it was set");
    assert_eq!(password.reveal(), "pw");
    let tls = server("tls_server_name", text("redis.internal")).tls.expect("a TLS scheme");
    assert_eq!((tls.server_name.as_deref(), tls.verify), (Some("redis.internal"), true));
    assert!(server("tls_verify", Bool(false)).tls.is_some_and(|tls| !tls.verify));
}

#[test]
fn a_wrong_value_is_refused_with_what_is_allowed() {
    let messages = [
        ("timeout", Int(-1)),
        ("timeout", Float(f64::NAN)),
        ("timeout", Float(1e300)),
        ("timeout", text("1")),
        ("timeout", None),
        ("timeout", Bool(true)),
        ("ttl", Int(0)),
        ("layout", text("odoo")),
        ("serializer", text("yaml")),
        ("on_error", None),
        ("critical", text("sessions")),
        ("signing_keys", text("a secret of somebody's")),
        ("signing_keys", List(vec![])),
        ("signing_keys", List(vec!["short".to_owned()])),
        ("unpickle_globals", List(vec!["eval".to_owned()])),
        ("compressor", text("brotli")),
        ("compress_level", Int(5)),
        ("json_envelope", None),
        ("pickle_protocol", Int(6)),
        ("max_connections", Int(0)),
        ("client_name", text("a b")),
        ("protocol", Int(4)),
        ("staged_wait", text("on")),
        ("tls_verify", text("no")),
        ("password", Int(1234)),
        ("username", List(vec![])),
        ("timout", Int(1)),
        ("TTL", Int(1)),
    ]
    .map(|(name, value)| refused(name, value));
    assert_eq!(messages.join("\n"), REFUSALS.trim());
    assert!(refused("xy", None).starts_with("unknown option 'xy'; use 'prefix', 'layout', "));
}

const REFUSALS: &str = "
option 'timeout' is -1; use seconds from 0.001 to 3600
option 'timeout' is NaN; use seconds from 0.001 to 3600
option 'timeout' is 1e300; use seconds from 0.001 to 3600
option 'timeout' is '1'; use seconds from 0.001 to 3600
option 'timeout' is None; use seconds from 0.001 to 3600
option 'timeout' is True; use seconds from 0.001 to 3600
option 'ttl' is 0; use seconds from 0.001 to 3155760000 or None
option 'layout' is 'odoo'; use 'plain' or 'django'
option 'serializer' is 'yaml'; use 'json', 'pickle' or 'msgpack'
option 'on_error' is None; use 'miss', 'raise' or 'ignore'
option 'critical' is 'sessions'; use a list of strings
option 'signing_keys' is a string; use a list of at least one string or None
option 'signing_keys' is a list; use a list of at least one string or None
option 'signing_keys' holds a key of less than 16 bytes; use secrets.token_hex(32)
option 'unpickle_globals' holds 'eval'; use names such as 'module.Class'
option 'compressor' is 'brotli'; use 'zlib', 'gzip', 'lzma', 'lz4', 'zstd' or None
option 'compress_level' is 5; set 'compressor' too, or leave it out
option 'json_envelope' is None; use True or False
option 'pickle_protocol' is 6; use an integer from 0 to 5 or None
option 'max_connections' is 0; use an integer from 1 to 10000
option 'client_name' is 'a b'; use a string of printable ASCII without spaces
option 'protocol' is 4; use an integer from 2 to 3
option 'staged_wait' is 'on'; use 'auto' or 'off'
option 'tls_verify' is 'no'; use True, False or None
option 'password' is an integer; use a string or None
option 'username' is a list; use a string or None
unknown option 'timout'; did you mean 'timeout'?
unknown option 'TTL'; did you mean 'ttl'?
";

fn any_value() -> impl Strategy<Value = OptionValue> {
    prop_oneof![
        Just(None),
        any::<bool>().prop_map(Bool),
        any::<i64>().prop_map(Int),
        any::<f64>().prop_map(Float),
        any::<String>().prop_map(Text),
        proptest::collection::vec(any::<String>(), 0..3).prop_map(List),
    ]
}

proptest! {
    #[test]
    fn any_value_of_any_option_is_valid_or_refused(
        at in 0..TABLE.len(),
        name in any::<String>(),
        value in any_value(),
    ) {
        for name in [TABLE[at].name, &name] {
            let password = ("password".to_owned(), text("S3CRET"));
            let shown = match Settings::new("rediss://h", &[password, (name.to_owned(), value.clone())]) {
                Ok(settings) => {
                    prop_assert!(settings.server.timeout >= SHORTEST && settings.server.max_connections >= 1);
                    prop_assert!(is_word(&settings.server.client_name));
                    format!("{settings:?}")
                }
                Err(error) => error.to_string(),
            };
            prop_assert!(!shown.contains("S3CRET"));
        }
    }

    #[test]
    fn one_more_letter_is_a_distance_of_one(name in "[a-z_]{3,12}", at in 0usize..3, letter in "[A-Z]") {
        let mut longer = name.clone();
        longer.insert_str(at, &letter);
        prop_assert_eq!(distance(&name, &name), 0);
        prop_assert_eq!((distance(&name, &longer), distance(&longer, &name)), (1, 1));
    }
}
