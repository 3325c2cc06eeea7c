//! The one table of options: names, what each takes, and which setting it changes.

use super::{
    Address, Compressor, Layout, LocalSettings, OnError, Protocol, Secret, Serializer, Settings, Tls, Ttl, Unpickle,
};
use crate::error::{Error, Result, shown_key};
use std::path::PathBuf;
use std::time::Duration;

/// The value of an option, as a caller gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// Python's `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A string.
    Text(String),
    /// A list of strings.
    List(Vec<String>),
}

type Set<T> = fn(&mut Settings, T);
type Mark = fn(&mut Settings);

/// What an option takes, and where that goes.
enum Rule {
    Text(Set<String>),
    /// A string that no message shows.
    Hidden(Set<String>),
    TextOrInt(Set<String>),
    /// Printable ASCII without spaces, all that `CLIENT SETNAME` takes.
    Word(Set<String>),
    Words(Set<Vec<String>>),
    /// A list of strings that no message shows.
    HiddenWords(Set<Vec<String>>),
    File(Set<PathBuf>),
    Choice(&'static [(&'static str, Mark)]),
    /// Whole numbers: least, most.
    Int(u32, u64, Set<u64>),
    /// Seconds, at most this many.
    Seconds(u64, Set<Duration>),
    Flag(Set<bool>),
    /// `'auto'` or `'off'`, also as a boolean.
    AutoOrOff(Set<bool>),
}

/// One option.
struct Row {
    name: &'static str,
    rule: Rule,
    /// What `None` means; where this is absent, `None` is refused.
    none: Option<Mark>,
}

const fn row(name: &'static str, rule: Rule) -> Row {
    Row { name, rule, none: None }
}

const fn row_or_none(name: &'static str, rule: Rule, none: Mark) -> Row {
    Row { name, rule, none: Some(none) }
}

/// `None` says nothing: the URL decides, or the default.
const fn row_or_unset(name: &'static str, rule: Rule) -> Row {
    row_or_none(name, rule, |_| {})
}

const SHORTEST: Duration = Duration::from_millis(1);
const HOUR: u64 = 3600;
const CENTURY: u64 = 36_525 * 24 * HOUR;
const MAX_INT: u64 = 0x7fff_ffff;
const MAX_REPLY: u64 = 1 << 40;

// One option, one line.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("prefix", Rule::Text(|s, text| s.cache.prefix = text)),
    row("layout", Rule::Choice(&[
        ("plain", |s| s.cache.layout = Layout::Plain),
        ("django", |s| s.cache.layout = Layout::Versioned),
    ])),
    row("version", Rule::TextOrInt(|s, text| s.cache.version = text)),
    row_or_none("ttl", Rule::Seconds(CENTURY, |s, time| s.cache.ttl = Ttl::For(time)), |s| s.cache.ttl = Ttl::Never),
    row("serializer", Rule::Choice(&[
        ("json", |s| s.cache.serializer = Serializer::Json),
        ("pickle", |s| s.cache.serializer = Serializer::Pickle),
        ("msgpack", |s| s.cache.serializer = Serializer::MsgPack),
    ])),
    row_or_none("pickle_protocol", Rule::Int(0, 5, |s, n| s.cache.pickle_protocol = u8::try_from(n).ok()),
        |s| s.cache.pickle_protocol = None),
    row("json_ascii", Rule::Flag(|s, on| s.cache.json_ascii = on)),
    row("json_envelope", Rule::Flag(|s, on| s.cache.json_envelope = on)),
    row_or_none("unpickle", Rule::Choice(&[
        ("any", |s| s.cache.unpickle = Some(Unpickle::Any)),
        ("safe", |s| s.cache.unpickle = Some(Unpickle::Safe)),
        ("never", |s| s.cache.unpickle = Some(Unpickle::Never)),
    ]), |s| s.cache.unpickle = None),
    row("unpickle_globals", Rule::Words(|s, words| s.cache.unpickle_globals = words)),
    row_or_none("compressor", Rule::Choice(&[
        ("zlib", |s| s.cache.compressor = Some(Compressor::Zlib)),
        ("gzip", |s| s.cache.compressor = Some(Compressor::Gzip)),
        ("lzma", |s| s.cache.compressor = Some(Compressor::Lzma)),
        ("lz4", |s| s.cache.compressor = Some(Compressor::Lz4)),
        ("zstd", |s| s.cache.compressor = Some(Compressor::Zstd)),
    ]), |s| s.cache.compressor = None),
    row_or_none("compress_level", Rule::Int(0, 22, |s, n| s.cache.compress_level = u8::try_from(n).ok()),
        |s| s.cache.compress_level = None),
    row_or_none("compress_min_bytes", Rule::Int(0, MAX_INT, |s, n| s.cache.compress_min_bytes = Some(size(n))),
        |s| s.cache.compress_min_bytes = None),
    row("max_value_bytes", Rule::Int(1, MAX_REPLY, |s, n| s.cache.max_value_bytes = size(n))),
    row_or_none("signing_keys",
        Rule::HiddenWords(|s, keys| s.cache.signing_keys = keys.into_iter().map(Secret::new).collect()),
        |s| s.cache.signing_keys = Vec::new()),
    row("accept_unsigned", Rule::Flag(|s, on| s.cache.accept_unsigned = on)),
    row("on_error", Rule::Choice(&[
        ("miss", |s| s.cache.on_error = OnError::Miss),
        ("raise", |s| s.cache.on_error = OnError::Raise),
        ("ignore", |s| s.cache.on_error = OnError::Ignore),
    ])),
    row("critical", Rule::Words(|s, words| s.cache.critical = words)),
    row_or_none("local", Rule::Flag(|s, on| s.cache.local = on.then(LocalSettings::default)), |s| s.cache.local = None),
    row("local_max_bytes", Rule::Int(1 << 16, MAX_REPLY, |s, n| local(s).max_bytes = size(n))),
    row("local_max_staleness", Rule::Seconds(HOUR, |s, time| local(s).max_staleness = time)),
    row_or_none("local_max_ttl", Rule::Seconds(CENTURY, |s, time| local(s).max_ttl = Some(time)),
        |s| local(s).max_ttl = None),
    row("local_exclude", Rule::Words(|s, words| local(s).exclude.extend(words))),
    row("local_tracking", Rule::Flag(|s, on| local(s).tracking = on)),
    row("local_negative", Rule::Flag(|s, on| local(s).negative = on)),
    row("journal_max_keys", Rule::Int(1, MAX_INT, |s, n| s.cache.journal_max_keys = size(n))),
    row_or_unset("username", Rule::Hidden(|s, text| s.server.username = filled(text))),
    row_or_unset("password", Rule::Hidden(|s, text| s.server.password = filled(text).map(Secret::new))),
    row("db", Rule::Int(0, MAX_INT, |s, n| s.server.db = u32::try_from(n).unwrap_or(u32::MAX))),
    row("client_name", Rule::Word(|s, text| s.server.client_name = text)),
    row("protocol", Rule::Int(2, 3, |s, n| s.server.protocol = if n == 2 { Protocol::Resp2 } else { Protocol::Resp3 })),
    row("timeout", Rule::Seconds(HOUR, |s, time| s.server.timeout = time)),
    row("bulk_timeout", Rule::Seconds(HOUR, |s, time| s.server.bulk_timeout = time)),
    row("max_connections", Rule::Int(1, 10_000, |s, n| s.server.max_connections = size(n))),
    row_or_none("idle_timeout", Rule::Seconds(CENTURY, |s, time| s.server.idle_timeout = time),
        |s| s.server.idle_timeout = Duration::MAX),
    row("staged_wait", Rule::AutoOrOff(|s, on| s.server.staged_wait = on)),
    row_or_unset("tls_ca_file", Rule::File(|s, path| tls(s).ca_file = Some(path))),
    row_or_unset("tls_cert_file", Rule::File(|s, path| tls(s).cert_file = Some(path))),
    row_or_unset("tls_key_file", Rule::File(|s, path| tls(s).key_file = Some(path))),
    row_or_unset("tls_server_name", Rule::Word(|s, text| tls(s).server_name = Some(text))),
    row_or_unset("tls_verify", Rule::Flag(|s, on| tls(s).verify = on)),
    row("max_bytes", Rule::Int(1 << 16, MAX_REPLY, |s, n| s.server.max_bytes = size(n))),
    row("max_reply_bytes", Rule::Int(1 << 10, MAX_REPLY, |s, n| s.server.max_reply_bytes = size(n))),
];

/// The TLS settings; [`Row::apply`] lets no TLS option through to a server without.
fn tls(settings: &mut Settings) -> &mut Tls {
    settings.server.tls.get_or_insert_default()
}

/// The settings of the local cache, which comes with the first of them.
fn local(settings: &mut Settings) -> &mut LocalSettings {
    settings.cache.local.get_or_insert_default()
}

/// An empty user name or password is none, as it comes from an empty environment variable.
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Sets an option to a value.
pub(super) fn set(settings: &mut Settings, name: &str, value: OptionValue) -> Result<()> {
    find(name)?.apply(settings, value)
}

/// Sets an option to what a text in a URL stands for.
pub(super) fn set_from_text(settings: &mut Settings, name: &str, text: String) -> Result<()> {
    let row = find(name)?;
    row.apply(settings, row.read(text))
}

/// Whether an option has this name.
pub(super) fn is_known(name: &str) -> bool {
    TABLE.iter().any(|row| row.name == name)
}

impl Row {
    fn apply(&self, settings: &mut Settings, value: OptionValue) -> Result<()> {
        if let (OptionValue::None, Some(none)) = (&value, self.none) {
            none(settings);
            return Ok(());
        }
        if self.name.starts_with("tls_") && settings.server.tls.is_none() {
            return Err(Error::Config(format!(
                "option '{}' needs TLS; use a URL that starts with 'rediss://' or 'valkeys://'",
                self.name
            )));
        }
        if self.name == "max_bytes" && !matches!(settings.server.address, Address::Memory { .. }) {
            return Err(Error::Config(
                "option 'max_bytes' bounds 'memory://' only; a server has its own setting, 'maxmemory'".to_owned(),
            ));
        }
        self.rule.set(settings, value).map_err(|value| {
            let shown = if matches!(self.rule, Rule::Hidden(_) | Rule::HiddenWords(_)) {
                kind(&value).to_owned()
            } else {
                shown(&value)
            };
            Error::Config(format!("option '{}' is {shown}; use {}", self.name, self.allowed()))
        })
    }

    /// What a message says is allowed.
    fn allowed(&self) -> String {
        match (&self.rule, self.none) {
            (Rule::Flag(_), Some(_)) => "True, False or None".to_owned(),
            (Rule::Choice(choices), Some(_)) => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("'{}'", choice.0)).collect();
                format!("{} or None", quoted.join(", "))
            }
            (rule, Some(_)) => format!("{} or None", rule.allowed()),
            (rule, None) => rule.allowed(),
        }
    }

    /// The value that a text in a URL stands for; what cannot be read stays a text, which [`Row::apply`] refuses.
    fn read(&self, text: String) -> OptionValue {
        let is_none = self.none.is_some() && text.eq_ignore_ascii_case("none");
        let value = match self.rule {
            Rule::Int(..) | Rule::Seconds(..) | Rule::Choice(_) if is_none => Some(OptionValue::None),
            Rule::Int(..) => text.parse().ok().map(OptionValue::Int),
            Rule::Seconds(..) => text.parse().ok().map(OptionValue::Float),
            Rule::Flag(_) | Rule::AutoOrOff(_) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(OptionValue::Bool(true)),
                "false" | "no" | "off" | "0" => Some(OptionValue::Bool(false)),
                _ => None,
            },
            Rule::Words(_) | Rule::HiddenWords(_) => {
                let words = text.split(',').filter(|word| !word.is_empty());
                Some(OptionValue::List(words.map(str::to_owned).collect()))
            }
            _ => None,
        };
        value.unwrap_or(OptionValue::Text(text))
    }
}

impl Rule {
    /// Puts the value into the settings, or hands it back if it is not allowed.
    fn set(&self, settings: &mut Settings, value: OptionValue) -> Result<(), OptionValue> {
        match (self, value) {
            (Self::Text(set) | Self::Hidden(set) | Self::TextOrInt(set), OptionValue::Text(text)) => {
                set(settings, text);
            }
            (Self::TextOrInt(set), OptionValue::Int(number)) => set(settings, number.to_string()),
            (Self::Word(set), OptionValue::Text(text)) if is_word(&text) => set(settings, text),
            (Self::Words(set), OptionValue::List(words)) => set(settings, words),
            // None is "off"; an empty list may come from an environment that lost its secrets.
            (Self::HiddenWords(set), OptionValue::List(words)) if !words.is_empty() => set(settings, words),
            (Self::File(set), OptionValue::Text(path)) => set(settings, PathBuf::from(path)),
            (Self::Choice(choices), OptionValue::Text(text)) => match choices.iter().find(|choice| choice.0 == text) {
                Some((_, set)) => set(settings),
                None => return Err(OptionValue::Text(text)),
            },
            (Self::Int(least, most, set), OptionValue::Int(number)) => match u64::try_from(number) {
                Ok(count) if (u64::from(*least)..=*most).contains(&count) => set(settings, count),
                _ => return Err(OptionValue::Int(number)),
            },
            (Self::Seconds(most, set), value) => match seconds(&value) {
                Some(time) if (SHORTEST..=Duration::from_secs(*most)).contains(&time) => set(settings, time),
                _ => return Err(value),
            },
            (Self::Flag(set) | Self::AutoOrOff(set), OptionValue::Bool(on)) => set(settings, on),
            (Self::AutoOrOff(set), OptionValue::Text(text)) if text == "auto" || text == "off" => {
                set(settings, text == "auto");
            }
            (_, value) => return Err(value),
        }
        Ok(())
    }

    fn allowed(&self) -> String {
        match self {
            Self::Text(_) | Self::Hidden(_) => "a string".to_owned(),
            Self::TextOrInt(_) => "a string or an integer".to_owned(),
            Self::Word(_) => "a string of printable ASCII without spaces".to_owned(),
            Self::Words(_) => "a list of strings".to_owned(),
            Self::HiddenWords(_) => "a list of at least one string".to_owned(),
            Self::File(_) => "a path as a string".to_owned(),
            Self::Choice(choices) => one_of(&choices.iter().map(|choice| choice.0).collect::<Vec<_>>()),
            Self::Int(least, most, _) => format!("an integer from {least} to {most}"),
            Self::Seconds(most, _) => format!("seconds from {} to {most}", SHORTEST.as_secs_f64()),
            Self::Flag(_) => "True or False".to_owned(),
            Self::AutoOrOff(_) => one_of(&["auto", "off"]),
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn seconds(value: &OptionValue) -> Option<Duration> {
    match value {
        OptionValue::Int(number) => u64::try_from(*number).ok().map(Duration::from_secs),
        OptionValue::Float(number) => Duration::try_from_secs_f64(*number).ok(),
        _ => None,
    }
}

/// `'a', 'b' or 'c'`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What kind of value it is, for messages that must not show it.
fn kind(value: &OptionValue) -> &'static str {
    match value {
        OptionValue::None => "None",
        OptionValue::Bool(_) => "a boolean",
        OptionValue::Int(_) => "an integer",
        OptionValue::Float(_) => "a float",
        OptionValue::Text(_) => "a string",
        OptionValue::List(_) => "a list",
    }
}

fn shown(value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(true) => "True".to_owned(),
        OptionValue::Bool(false) => "False".to_owned(),
        OptionValue::Int(number) => number.to_string(),
        OptionValue::Float(number) => format!("{number:?}"),
        OptionValue::Text(text) => shown_key(text.as_bytes()),
        OptionValue::None | OptionValue::List(_) => kind(value).to_owned(),
    }
}

fn find(name: &str) -> Result<&'static Row> {
    TABLE.iter().find(|row| row.name == name).ok_or_else(|| {
        let wanted = name.to_lowercase();
        // Of two letters, every name is two edits away.
        let edits = (wanted.chars().count() / 3).min(2);
        let near = TABLE.iter().map(|row| (distance(&wanted, row.name), row.name)).min();
        let advice = match near {
            Some((found, near)) if found <= edits => format!("did you mean '{near}'?"),
            _ => format!("use {}", one_of(&TABLE.iter().map(|row| row.name).collect::<Vec<_>>())),
        };
        Error::Config(format!("unknown option {}; {advice}", shown_key(name.as_bytes())))
    })
}

/// Letters to insert, remove or replace to turn one name into the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut costs: Vec<usize> = (0..=to.chars().count()).collect();
    for (row, left) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut costs[0], row + 1);
        for (column, right) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = costs[column + 1];
            costs[column + 1] = replaced.min(diagonal + 1).min(costs[column] + 1);
        }
    }
    costs.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
