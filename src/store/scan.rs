//! Walking over keys with `SCAN`, never `KEYS`, which holds up everybody else on the server.

use crate::clock;
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::keys::glob::{Pattern, Set};
use crate::op::{Commands, Operation, Replies, Reply, Route, Step, only};
use redis::{Cmd, cmd};

/// How far a walk has come; a cursor means something to the server that gave it only.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where the last page ended; 0 to begin with, and at the end.
    pub cursor: u64,
    /// Which server gave it, and when that was asked, by [`clock::monotonic_ns`].
    pub given_by: (u64, u64),
}

impl Place {
    /// The next page is asked for on this connection; the walk begins again where that may lead to another server than the
    /// last page came from, or to the same one after a restart, as any may that was opened since. Tells whether it does.
    fn routed(&mut self, route: Route) -> bool {
        let (peer, asked_at) = self.given_by;
        let begins_again = route.peer != peer || route.opened_at >= asked_at;
        if begins_again {
            self.cursor = 0;
        }
        self.given_by = (route.peer, clock::monotonic_ns());
        begins_again
    }
}

/// The place where it ended, and full keys; a key may come twice.
pub type Page = (Place, Vec<Vec<u8>>);

/// One page of keys. Those of a walk that had to begin again come once more.
pub struct ScanPage {
    /// Where the last page ended.
    pub place: Place,
    /// Glob for full keys.
    pub pattern: Vec<u8>,
    /// How many keys the server looks at.
    pub count: usize,
}

fn scan(cursor: u64, pattern: &[u8], count: usize) -> Cmd {
    cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count).take()
}

fn page(reply: Reply) -> Result<(u64, Vec<Vec<u8>>)> {
    let malformed = || Error::Protocol("SCAN must answer a cursor and keys".to_owned());
    let mut parts = reply.array()?.into_iter();
    let (Some(cursor), Some(keys)) = (parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let cursor = cursor.bytes()?.ok_or_else(malformed)?;
    let cursor = std::str::from_utf8(&cursor).ok().and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
    let keys = keys.array()?.into_iter().map(|key| key.bytes()?.ok_or_else(malformed)).collect::<Result<_>>()?;
    Ok((cursor, keys))
}

impl Operation for ScanPage {
    type Outcome = Page;

    fn routed(&mut self, route: Route) {
        let _ = self.place.routed(route);
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(&scan(self.place.cursor, &self.pattern, self.count));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Self::Outcome>> {
        let (cursor, keys) = page(only(replies)?)?;
        Ok(Step::Done((Place { cursor, ..self.place }, keys)))
    }

    fn is_quick(&self) -> bool {
        false
    }
}

/// Says yes to full keys that a deletion leaves alone.
pub type Spares = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Deletes what matches: every round trip deletes the keys of the page before and asks for the next one.
pub struct DeletePattern {
    place: Place,
    pattern: Vec<u8>,
    /// Tells which keys are kept although they match.
    spares: Option<Spares>,
    count: usize,
    found: Vec<FullKey>,
    deleted: i64,
    at_end: bool,
}

impl DeletePattern {
    /// All keys that match `pattern`, looked at `count` at a time.
    #[must_use]
    pub fn new(pattern: Vec<u8>, count: usize) -> Self {
        Self { place: Place::default(), pattern, spares: None, count, found: Vec::new(), deleted: 0, at_end: false }
    }

    /// All keys that one of `patterns` takes, in one walk: the server looks for what all of them begin with.
    #[must_use]
    pub fn any_of(patterns: Vec<Pattern>, count: usize, is_critical: Spares) -> Self {
        let (sparing, taking): (Vec<_>, Vec<_>) = patterns.into_iter().partition(|pattern| pattern.spares_critical);
        let globs = |patterns: &[Pattern]| patterns.iter().map(|pattern| pattern.glob.clone()).collect::<Vec<_>>();
        let (sparing, taking) = (globs(&sparing), globs(&taking));
        if let ([], [all]) = (&sparing[..], &taking[..]) {
            return Self::new(all.clone(), count);
        }
        let common = Set::new([&sparing[..], &taking[..]].concat()).common();
        let (sparing, taking) = (Set::new(sparing), Set::new(taking));
        let takes = move |key: &[u8]| taking.matches(key) || (sparing.matches(key) && !is_critical(key));
        Self::new(common, count).sparing(Box::new(move |key| !takes(key)))
    }

    /// Keeps the keys that `spares` says yes to.
    #[must_use]
    pub fn sparing(mut self, spares: Spares) -> Self {
        self.spares = Some(spares);
        self
    }

    fn is_spared(&self, key: &[u8]) -> bool {
        self.spares.as_ref().is_some_and(|spares| spares(key))
    }
}

impl Operation for DeletePattern {
    /// How many there were.
    type Outcome = i64;

    fn routed(&mut self, route: Route) {
        // What the last page held is deleted all the same.
        self.at_end &= !self.place.routed(route);
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        if !self.found.is_empty() {
            let mut unlink = cmd("UNLINK");
            for key in &self.found {
                unlink.arg(key.as_slice());
            }
            commands.push(&unlink);
        }
        if !self.at_end {
            commands.push(&scan(self.place.cursor, &self.pattern, self.count));
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        let mut replies = replies.into_iter();
        if !self.found.is_empty() {
            self.deleted += replies.next().ok_or_else(missing)?.int()?;
            self.found.clear();
        }
        if !self.at_end {
            let (cursor, keys) = page(replies.next().ok_or_else(missing)?)?;
            self.place.cursor = cursor;
            self.at_end = cursor == 0;
            self.found = keys.iter().filter(|key| !self.is_spared(key)).map(|key| FullKey::from_slice(key)).collect();
        }
        let finished = self.at_end && self.found.is_empty();
        Ok(if finished { Step::Done(self.deleted) } else { Step::Again })
    }

    fn is_quick(&self) -> bool {
        false
    }
}

fn missing() -> Error {
    Error::Protocol("a reply is missing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Request;
    use smallvec::smallvec;

    fn scanned(cursor: &str, keys: &[&str]) -> Reply {
        let keys = keys.iter().map(|key| Reply::Bulk(key.as_bytes().to_vec())).collect();
        Reply::Array(vec![Reply::Bulk(cursor.as_bytes().to_vec()), Reply::Array(keys)])
    }

    #[test]
    fn each_trip_deletes_the_page_before_and_the_spared_are_kept() {
        let mut delete = DeletePattern::new(b"*".to_vec(), 10).sparing(Box::new(|key| key.starts_with(b"session:")));
        let mut request = Request::default();
        delete.request(&mut request);
        assert_eq!(request.commands(), 1);
        assert!(matches!(delete.replies(smallvec![scanned("7", &["a", "session:b"])]), Ok(Step::Again)));
        request.clear();
        delete.request(&mut request);
        assert_eq!(request.commands(), 2);
        assert!(!String::from_utf8_lossy(request.bytes()).contains("session:b"));
        assert!(matches!(delete.replies(smallvec![Reply::Int(1), scanned("0", &["c"])]), Ok(Step::Again)));
        request.clear();
        delete.request(&mut request);
        assert_eq!(request.commands(), 1);
        assert!(matches!(delete.replies(smallvec![Reply::Int(1)]), Ok(Step::Done(2))));
    }

    fn sent(operation: &mut impl Operation, route: Route) -> String {
        operation.routed(route);
        let mut request = Request::default();
        operation.request(&mut request);
        String::from_utf8_lossy(request.bytes()).into_owned()
    }

    fn asks_from(sent: &str, cursor: &str) -> bool {
        sent.contains(&format!("SCAN\r\n${}\r\n{cursor}\r\n", cursor.len()))
    }

    #[test]
    fn a_deletion_begins_again_where_its_cursor_may_mean_something_else() {
        let (old, other) = (Route::new(1), Route::new(2));
        for (next, first) in [(None, "7"), (Some(other), "0")] {
            let mut delete = DeletePattern::new(b"*".to_vec(), 10);
            assert!(asks_from(&sent(&mut delete, old), "0"));
            assert!(matches!(delete.replies(smallvec![scanned("7", &["a"])]), Ok(Step::Again)));
            assert!(asks_from(&sent(&mut delete, next.unwrap_or(old)), first));
            assert!(matches!(delete.replies(smallvec![Reply::Int(1), scanned("0", &["b"])]), Ok(Step::Again)));
            // All was found there, but not yet deleted when the server was restarted.
            let again = sent(&mut delete, Route::new(1));
            assert!(again.contains("UNLINK") && asks_from(&again, "0"));
            assert!(matches!(delete.replies(smallvec![Reply::Int(1), scanned("0", &[])]), Ok(Step::Done(2))));
        }
    }

    #[test]
    fn a_walk_begins_again_on_a_connection_that_was_opened_since() {
        let (first, second) = (Route::new(1), Route::new(1));
        let page = |place, route, reply| {
            let mut page = ScanPage { place, pattern: b"*".to_vec(), count: 10 };
            let asked = sent(&mut page, route);
            let Ok(Step::Done((place, _))) = page.replies(smallvec![reply]) else { unreachable!("it is a page") };
            (asked, place)
        };
        let (_, place) = page(Place::default(), first, scanned("7", &["a"]));
        let (asked, place) = page(place, second, scanned("9", &["b"]));
        assert!(asks_from(&asked, "7"));
        let (asked, place) = page(place, Route::new(1), scanned("8", &["a"]));
        assert!(asks_from(&asked, "0") && place.cursor == 8);
    }

    fn of_all(glob: &str) -> Pattern {
        Pattern::of_all(glob.as_bytes().to_vec())
    }

    fn nobody() -> Spares {
        Box::new(|_| false)
    }

    #[test]
    fn critical_keys_go_by_patterns_that_name_them_alone() {
        let everything = Pattern { spares_critical: true, ..of_all("p:*") };
        for (named, goes) in [(of_all("p:session:1*"), true), (of_all("p:page"), false)] {
            let is_critical = Box::new(|key: &[u8]| key.starts_with(b"p:session:"));
            let mut delete = DeletePattern::any_of(vec![everything.clone(), named], 10, is_critical);
            let found = scanned("0", &["p:a", "p:session:1", "p:session:2"]);
            assert!(matches!(delete.replies(smallvec![found]), Ok(Step::Again)));
            let mut request = Request::default();
            delete.request(&mut request);
            let sent = String::from_utf8_lossy(request.bytes()).into_owned();
            assert!(sent.contains("p:a") && sent.contains("p:session:1") == goes && !sent.contains("p:session:2"));
        }
    }

    #[test]
    fn several_patterns_take_one_walk() {
        let mut delete = DeletePattern::any_of(vec![of_all("p:1:*"), of_all("p:2:?")], 10, nobody());
        let mut request = Request::default();
        delete.request(&mut request);
        assert!(String::from_utf8_lossy(request.bytes()).contains("p:*"));
        let found = scanned("0", &["p:1:a", "p:2:a", "p:2:aa", "p:3:a"]);
        assert!(matches!(delete.replies(smallvec![found]), Ok(Step::Again)));
        request.clear();
        delete.request(&mut request);
        let sent = String::from_utf8_lossy(request.bytes()).into_owned();
        assert!(sent.contains("p:1:a") && sent.contains("p:2:a") && !sent.contains("p:2:aa") && !sent.contains("p:3"));
        let mut nothing = DeletePattern::any_of(vec![], 10, nobody());
        request.clear();
        nothing.request(&mut request);
        assert!(matches!(nothing.replies(smallvec![scanned("0", &["a"])]), Ok(Step::Done(0))));
    }

    #[test]
    fn a_malformed_page_is_an_error() {
        for reply in
            [Reply::Int(1), Reply::Array(vec![]), Reply::Array(vec![Reply::Bulk(b"x".to_vec()), Reply::Array(vec![])])]
        {
            assert!(page(reply).is_err());
        }
    }
}
