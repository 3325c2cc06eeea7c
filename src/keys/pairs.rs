//! Keys that end in parameters by name: `prefix:limit=20:offset=0`, the digest of that text, or both.

use super::digest;
use super::scalar::Scalar;
use std::str;

/// What of the parameters stands in the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Their text.
    Pairs,
    /// The first digits of the MD5 of their text.
    Digest {
        /// How many, in hex.
        digits: usize,
    },
    /// Their text, then its digest.
    Both {
        /// How many, in hex.
        digits: usize,
    },
}

/// A layout of such keys.
#[derive(Debug, Clone)]
pub struct PairsLayout {
    /// Between a name and its value.
    pub between: String,
    /// Between one parameter and the next.
    pub separator: String,
    /// Whether parameters that are None count.
    pub keeps_none: bool,
    /// What stands in the key.
    pub shows: Shows,
    /// What stands there when no parameter counts; none: the bare prefix is the key.
    pub empty: Option<String>,
}

/// The text of the parameters holds a lone surrogate, so that there is no digest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUtf8 {
    /// The text.
    pub text: Vec<u8>,
}

impl PairsLayout {
    /// Begins a key with what stands before the parameters.
    #[must_use]
    pub fn begin(&self, mut prefix: Vec<u8>) -> PairsKey<'_> {
        prefix.push(b':');
        PairsKey { layout: self, start: prefix.len(), has_some: false, out: prefix }
    }
}

/// A key in the making; parameters come sorted by name.
#[derive(Debug)]
pub struct PairsKey<'a> {
    layout: &'a PairsLayout,
    /// Where the parameters begin.
    start: usize,
    has_some: bool,
    out: Vec<u8>,
}

impl PairsKey<'_> {
    /// Adds a parameter, if it counts.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: Scalar<'_>) {
        if value == Scalar::None && !self.layout.keeps_none {
            return;
        }
        if self.has_some {
            self.out.extend_from_slice(self.layout.separator.as_bytes());
        }
        self.has_some = true;
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(self.layout.between.as_bytes());
        value.write_str(&mut self.out);
    }

    /// The whole key.
    ///
    /// # Errors
    ///
    /// The key has a digest, and the parameters' text is not UTF-8.
    pub fn finish(mut self) -> Result<Vec<u8>, NotUtf8> {
        let Self { layout, start, has_some, .. } = self;
        if !has_some && layout.empty.is_none() {
            self.out.truncate(start - 1);
            return Ok(self.out);
        }
        match layout.shows {
            Shows::Pairs => self.show_empty(),
            Shows::Digest { digits } => {
                let digest = digest::md5(utf8(&self.out[start..])?);
                self.out.truncate(start);
                digest::write_hex(&digest, digits, &mut self.out);
            }
            Shows::Both { digits } => {
                let digest = digest::md5(utf8(&self.out[start..])?);
                self.show_empty();
                self.out.push(b':');
                digest::write_hex(&digest, digits, &mut self.out);
            }
        }
        Ok(self.out)
    }

    fn show_empty(&mut self) {
        if let (false, Some(empty)) = (self.has_some, &self.layout.empty) {
            self.out.extend_from_slice(empty.as_bytes());
        }
    }
}

fn utf8(text: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(text).map_err(|_| NotUtf8 { text: text.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(shows: Shows, empty: Option<&str>) -> PairsLayout {
        let empty = empty.map(str::to_owned);
        PairsLayout { between: "=".to_owned(), separator: "&".to_owned(), keeps_none: false, shows, empty }
    }

    fn key(layout: &PairsLayout, params: &[(&str, Scalar<'_>)]) -> String {
        let mut key = layout.begin(b"p".to_vec());
        for (name, value) in params {
            key.push(name.as_bytes(), *value);
        }
        String::from_utf8(key.finish().expect("UTF-8")).expect("UTF-8")
    }

    #[test]
    fn a_key_shows_pairs_digest_or_both() {
        let params = [("a", Scalar::Int(1)), ("b", Scalar::None), ("c", Scalar::Bool(true))];
        assert_eq!(key(&layout(Shows::Pairs, None), &params), "p:a=1&c=True");
        assert_eq!(key(&layout(Shows::Digest { digits: 8 }, None), &params[..2]), "p:3872c9ae");
        assert_eq!(key(&layout(Shows::Both { digits: 8 }, Some("all")), &params[..2]), "p:a=1:3872c9ae");
        let keeping = PairsLayout { keeps_none: true, ..layout(Shows::Pairs, None) };
        assert_eq!(key(&keeping, &params), "p:a=1&b=None&c=True");
    }

    #[test]
    fn without_parameters_the_layout_says_what_stands_there() {
        let params = [("b", Scalar::None)];
        assert_eq!(key(&layout(Shows::Digest { digits: 8 }, None), &params), "p");
        assert_eq!(key(&layout(Shows::Pairs, None), &[]), "p");
        assert_eq!(key(&layout(Shows::Pairs, Some("")), &[]), "p:");
        assert_eq!(key(&layout(Shows::Both { digits: 8 }, Some("all")), &params), "p:all:d41d8cd9");
    }

    #[test]
    fn a_lone_surrogate_has_no_digest() {
        for (shows, expected) in [
            (Shows::Pairs, Ok(b"p:a=\xed\xa0\x80".to_vec())),
            (Shows::Digest { digits: 8 }, Err(NotUtf8 { text: b"a=\xed\xa0\x80".to_vec() })),
        ] {
            let layout = layout(shows, None);
            let mut key = layout.begin(b"p".to_vec());
            key.push(b"a", Scalar::Text(b"\xed\xa0\x80"));
            assert_eq!(key.finish(), expected);
        }
    }
}
