//! The entries of a header that is a list, from the right: what trusted proxies wrote stands there, and a client who wrote
//! half a quoted string to the left of it changes nothing.

/// Longer than what any chain of proxies writes. What stands to the left of so many bytes is not looked at.
const MOST_BYTES: usize = 8192;

/// Entries from the right; none for one that has no beginning.
pub(super) struct List<'a> {
    rest: Option<&'a str>,
    /// Whether commas in quoted strings are none.
    has_quotes: bool,
    /// Whether something to the left was left out.
    is_cut: bool,
}

impl<'a> List<'a> {
    pub(super) fn new(value: &'a str, has_quotes: bool) -> Self {
        let mut start = value.len().saturating_sub(MOST_BYTES);
        while !value.is_char_boundary(start) {
            start += 1;
        }
        Self { rest: Some(&value[start..]), has_quotes, is_cut: start > 0 }
    }

    /// Where the last entry begins; none if a quoted string in it never began.
    fn start_of_last(&self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        if !self.has_quotes {
            return Some(bytes.iter().rposition(|byte| *byte == b',').map_or(0, |comma| comma + 1));
        }
        let mut in_quotes = false;
        for (at, byte) in bytes.iter().enumerate().rev() {
            match byte {
                b'"' if in_quotes => {
                    let backslashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                    in_quotes = backslashes % 2 == 1;
                }
                b'"' => in_quotes = true,
                b',' if !in_quotes => return Some(at + 1),
                _ => {}
            }
        }
        (!in_quotes).then_some(0)
    }
}

impl<'a> Iterator for List<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Option<&'a str>> {
        loop {
            let text = self.rest.take()?;
            let start = self.start_of_last(text);
            let Some(start) = start.filter(|start| *start > 0 || !self.is_cut) else { return Some(None) };
            self.rest = start.checked_sub(1).map(|comma| &text[..comma]);
            let entry = text[start..].trim_ascii();
            // Empty ones are allowed, and mean nothing.
            if !entry.is_empty() {
                return Some(Some(entry));
            }
        }
    }
}
