//! What some keys begin with.

/// Beginnings of keys, of which every read asks whether its key has one of them.
#[derive(Debug, Clone, Default)]
pub struct Beginnings {
    texts: Box<[String]>,
    /// The bytes that they begin with themselves, one bit each: most keys are dismissed by their first byte.
    first: [u64; 4],
    /// One of them is empty, which every key begins with.
    is_any: bool,
}

impl Beginnings {
    /// Of these texts.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        let texts: Box<[String]> = texts.into_iter().cloned().collect();
        let mut first = [0; 4];
        for byte in texts.iter().filter_map(|text| text.bytes().next()) {
            first[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        Self { is_any: texts.iter().any(String::is_empty), texts, first }
    }

    /// Whether the key begins with one of them.
    #[inline]
    #[must_use]
    pub fn begin(&self, key: &str) -> bool {
        let Some(byte) = key.bytes().next() else { return self.is_any };
        let may = self.is_any || self.first[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0;
        may && self.texts.iter().any(|text| key.starts_with(text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_begins_with_one_of_them_or_does_not(texts: Vec<String>, key: String, end: String) {
            let beginnings = Beginnings::new(&texts);
            prop_assert_eq!(beginnings.begin(&key), texts.iter().any(|text| key.starts_with(text.as_str())));
            for text in &texts {
                let key = format!("{text}{end}");
                prop_assert!(beginnings.begin(&key), "{:?}", key);
            }
        }
    }

    #[test]
    fn of_nothing_no_key_begins_and_with_the_empty_text_every_key() {
        assert!(!Beginnings::new(&[]).begin(""));
        let all = Beginnings::new(&["a".to_owned(), String::new()]);
        assert!(all.begin("") && all.begin("b"));
    }
}
