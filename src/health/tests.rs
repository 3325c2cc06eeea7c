//! Interleavings that a server has to be made for: it answers, or not, connection by connection.

use super::*;
use crate::config::Settings;
use crate::keys::FullKey;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A server of one connection after the other, each as the test says.
struct Server(TcpListener);

impl Server {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port is free"))
    }

    fn health(&self, user: &Arc<()>) -> Arc<Health> {
        let url = format!("redis://{}?protocol=2&timeout=20", self.0.local_addr().expect("it is bound"));
        let settings = Settings::new(&url, &[]).expect("the URL is right");
        let (stats, keys) = (Arc::new(Stats::default()), KeyMaker::new(&settings.cache));
        let pool = Pool::new(Arc::new(settings.server.clone()), Arc::clone(&stats));
        Health::new(pool, stats, keys, &settings.cache, user)
    }

    /// The next connection, which is told nothing yet.
    fn accept(&self) -> TcpStream {
        self.0.accept().expect("somebody connects").0
    }
}

/// Answers every command on a connection until it is closed.
fn serve(mut connection: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = connection.read(&mut bytes)
            && count > 0
        {
            let asked = String::from_utf8_lossy(&bytes[..count]).into_owned();
            for command in asked.split('*').skip(1) {
                let reply = if command.contains("UNLINK") { ":1\r\n" } else { "+OK\r\n" };
                if connection.write_all(reply.as_bytes()).is_err() {
                    return;
                }
            }
        }
    });
}

fn timeout(health: &Health) -> Error {
    Error::Timeout { address: health.pool.address().to_owned(), after: Duration::from_millis(1), stage: Stage::Reply }
}

fn until(condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < give_up, "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_ping_that_fails_after_the_server_has_answered_opens_nothing() {
    let (server, user) = (Server::start(), Arc::new(()));
    let health = server.health(&user);
    let probe = health.probe_elsewhere(&timeout(&health)).expect("nobody else is probing");
    let ping = server.accept();
    // Meanwhile the server has come back, and takes the deletion that did not reach it.
    health.journal(Forget::Keys(vec![FullKey::from_slice(b"k")]));
    serve(server.accept());
    until(|| !health.has_journal());
    // The PING belongs to the time before.
    drop(ping);
    probe.join().expect("it does not panic");
    assert!(!health.is_open() && health.take_events().is_empty());
    assert!(health.probe_elsewhere(&timeout(&health)).is_some(), "the next failure is a suspicion of its own");
}

#[test]
fn a_ping_that_fails_while_nothing_is_heard_opens_the_breaker_until_one_is_answered() {
    let (server, user) = (Server::start(), Arc::new(()));
    let health = server.health(&user);
    let probe = health.probe_elsewhere(&timeout(&health)).expect("nobody else is probing");
    assert!(health.probe_elsewhere(&timeout(&health)).is_none(), "one at a time");
    drop(server.accept());
    probe.join().expect("it does not panic");
    assert!(health.is_open());
    serve(server.accept());
    until(|| !health.is_open());
    assert!(matches!(&health.take_events()[..], [Event::Opened { .. }, Event::Recovered { .. }]));
}

#[test]
fn an_interrupted_caller_has_the_server_probed_if_he_has_waited() {
    let (server, user) = (Server::start(), Arc::new(()));
    let health = server.health(&user);
    health.interrupted(LONG_WAIT / 2);
    assert!(!health.is_suspected());
    health.interrupted(LONG_WAIT);
    drop(server.accept());
    until(|| health.is_open());
    serve(server.accept());
    until(|| !health.is_open());
}

/// Has the thread that recovers panic, having begun what waits.
fn panic_in_recovery(health: &Arc<Health>) {
    let recovery = recovery::Recovery(Arc::clone(health));
    let mut state = health.state.lock();
    state.recovering = true;
    state.journal.begin();
    drop(state);
    let thread = std::thread::spawn(move || {
        let _recovery = recovery;
        // No message of a panic in what the test prints.
        std::panic::resume_unwind(Box::new("a bug"));
    });
    assert!(thread.join().is_err());
}

#[test]
fn a_panic_of_the_thread_that_recovers_is_followed_by_another_thread() {
    let (server, user) = (Server::start(), Arc::new(()));
    let health = server.health(&user);
    let mut state = health.state.lock();
    let suspicion = state.breaker.failed().expect("it is closed");
    assert!(state.breaker.confirmed(suspicion, Instant::now()));
    assert!(!state.journal.push(Forget::Keys(vec![FullKey::from_slice(b"k")])));
    health.is_open.store(true, Ordering::Release);
    health.has_journal.store(true, Ordering::Release);
    drop(state);
    panic_in_recovery(&health);
    serve(server.accept());
    serve(server.accept());
    until(|| !health.is_open() && !health.has_journal());
    assert_eq!(health.stats.replayed.get(), 1, "what was under way is not lost");
}

#[test]
fn where_it_panics_again_and_again_the_breaker_is_closed() {
    let (server, user) = (Server::start(), Arc::new(()));
    let health = server.health(&user);
    let mut state = health.state.lock();
    state.panics = recovery::MAX_PANICS;
    let suspicion = state.breaker.failed().expect("it is closed");
    assert!(state.breaker.confirmed(suspicion, Instant::now()));
    health.is_open.store(true, Ordering::Release);
    drop(state);
    panic_in_recovery(&health);
    assert!(!health.is_open() && !health.state.lock().recovering);
    assert!(health.probe_elsewhere(&timeout(&health)).is_some(), "the next failure is a suspicion");
}
