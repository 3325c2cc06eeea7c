//! The addresses of a host name, within a deadline.
//!
//! `getaddrinfo` takes no deadline and may hang for as long as a broken name server likes. So it runs on a thread of its
//! own, one per host at a time, that ends with the look-up; addresses and `localhost` need none.

use crate::error::{Error, Result, Stage};
use crate::wait::{Deadline, Parking, Waiter};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A failover may change the answer while the old server still takes connections.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Looks up one host, and remembers the last answer for a while, as long as it works.
pub(super) struct Resolver {
    host: String,
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    known: Option<(Vec<SocketAddr>, Instant)>,
    under_way: Option<Arc<LookUp>>,
}

#[derive(Default)]
struct LookUp {
    answer: Mutex<Option<std::result::Result<Vec<SocketAddr>, String>>>,
    waiting: Mutex<Vec<Arc<Parking>>>,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, state: Arc::default() }
    }

    /// The addresses to try, in order.
    pub(super) fn addresses(&self, waiter: &dyn Waiter, deadline: Deadline) -> Result<Vec<SocketAddr>> {
        if let Some(addresses) = self.without_look_up() {
            return Ok(addresses);
        }
        let look_up = {
            let mut state = self.state.lock();
            if let Some((known, since)) = &state.known
                && since.elapsed() < REMEMBERED
            {
                return Ok(known.clone());
            }
            match &state.under_way {
                Some(look_up) => Arc::clone(look_up),
                None => self.start(&mut state)?,
            }
        };
        self.wait(&look_up, waiter, deadline)
    }

    /// The remembered answer did not work: look again next time.
    pub(super) fn forget(&self) {
        self.state.lock().known = None;
    }

    fn without_look_up(&self) -> Option<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(address, self.port)]);
        }
        // RFC 6761, section 6.3: this name is always the loopback interface.
        self.host.eq_ignore_ascii_case("localhost").then(|| {
            vec![
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port),
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), self.port),
            ]
        })
    }

    fn start(&self, state: &mut State) -> Result<Arc<LookUp>> {
        let look_up = Arc::new(LookUp::default());
        let (host, port, shared, mine) = (self.host.clone(), self.port, Arc::clone(&self.state), Arc::clone(&look_up));
        std::thread::Builder::new()
            .name("hitrate-resolve".to_owned())
            .spawn(move || {
                let answer = (host.as_str(), port)
                    .to_socket_addrs()
                    .map(Iterator::collect::<Vec<_>>)
                    .map_err(|error| error.to_string())
                    .and_then(|found| if found.is_empty() { Err("it has no address".to_owned()) } else { Ok(found) });
                {
                    let mut state = shared.lock();
                    state.under_way = None;
                    state.known = answer.as_ref().ok().map(|found| (found.clone(), Instant::now()));
                }
                *mine.answer.lock() = Some(answer);
                mine.waiting.lock().drain(..).for_each(|parking| parking.wake());
            })
            .map_err(|error| self.failed(&format!("no thread to look up the host with: {error}")))?;
        state.under_way = Some(Arc::clone(&look_up));
        Ok(look_up)
    }

    fn wait(&self, look_up: &LookUp, waiter: &dyn Waiter, deadline: Deadline) -> Result<Vec<SocketAddr>> {
        let parking = Arc::new(Parking::default());
        look_up.waiting.lock().push(Arc::clone(&parking));
        // The answer is stored before the waiting are woken, so one that came in between is seen here.
        if look_up.answer.lock().is_none() && !waiter.park(&parking, deadline)? {
            look_up.waiting.lock().retain(|other| !Arc::ptr_eq(other, &parking));
            let address = format!("{}:{}", self.host, self.port);
            return Err(Error::Timeout { address, after: deadline.whole(), stage: Stage::Resolve });
        }
        match look_up.answer.lock().clone() {
            Some(Ok(addresses)) => Ok(addresses),
            Some(Err(cause)) => Err(self.failed(&cause)),
            None => Err(self.failed("the look-up ended without an answer")),
        }
    }

    fn failed(&self, cause: &str) -> Error {
        Error::Connection { address: format!("{}:{}", self.host, self.port), cause: cause.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::PlainWaiter;

    fn addresses(host: &str) -> Result<Vec<SocketAddr>> {
        Resolver::new(host, 6379).addresses(&PlainWaiter, Deadline::after(Duration::from_secs(30)))
    }

    #[test]
    fn numbers_and_localhost_need_no_look_up() {
        let resolver = Resolver::new("::1", 1);
        assert_eq!(resolver.without_look_up().map(|found| found.len()), Some(1));
        assert_eq!(addresses("127.0.0.1").expect("an address").len(), 1);
        assert_eq!(addresses("LocalHost").expect("an address").len(), 2);
    }

    #[test]
    fn a_name_that_does_not_exist_is_a_connection_error_that_names_it() {
        let error = addresses("no-such-host.invalid").expect_err("RFC 6761 reserves .invalid");
        assert!(error.to_string().contains("no-such-host.invalid:6379"), "{error}");
    }
}
