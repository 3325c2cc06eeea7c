//! From settings to a connection that was greeted: look-up, connect, TLS, `HELLO`, all within one deadline.

use super::connection::{Connection, lost};
use super::greeting::Greeting;
use super::reply::Limits;
use super::resolve::Resolver;
use super::stream::{Stream, raw};
use super::tls;
use crate::config::{Address, Server};
use crate::error::{Error, Result, Stage};
use crate::op::Step;
use crate::process::OwnedSocket;
use crate::wait::{Attempt, Deadline, Interest, Waiter};
use rustls::ClientConfig;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use std::hash::{Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A server that closed its side without a word is noticed after about this long, also on a connection nobody uses.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Opens connections to one server.
pub(super) struct Dialer {
    server: Arc<Server>,
    address: Arc<str>,
    resolver: Option<Resolver>,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    pub(super) fn new(server: Arc<Server>) -> Self {
        let resolver = match &server.address {
            Address::Tcp { host, port } => Some(Resolver::new(host, *port)),
            Address::Unix { .. } | Address::Memory { .. } => None,
        };
        Self { address: server.address.to_string().into(), resolver, tls: OnceLock::new(), server }
    }

    pub(super) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    pub(super) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// A new connection, ready for commands.
    pub(super) fn dial(&self, waiter: &dyn Waiter, deadline: Deadline) -> Result<Connection> {
        let socket = self.connect(waiter, deadline).inspect_err(|_| self.forget_addresses())?;
        let address = socket.get().and_then(|socket| socket.peer_addr().ok());
        let peer = peer(address.and_then(|address| address.as_socket()));
        let mut stream = Stream::new(socket);
        if let (Some(settings), Address::Tcp { host, .. }) = (&self.server.tls, &self.server.address) {
            let name = tls::server_name(settings, host)?;
            let session = rustls::ClientConnection::new(self.tls_config(settings)?, name)
                .map_err(|error| lost(&self.address, &io::Error::other(error)))?;
            stream = stream.with_tls(session);
            self.shake_hands(&mut stream, waiter, deadline)?;
        }
        let limits = Limits::new(self.server.max_reply_bytes);
        let mut connection = Connection::new(stream, limits, Arc::clone(&self.address), peer);
        self.greet(&mut connection, waiter, deadline)?;
        Ok(connection)
    }

    fn tls_config(&self, settings: &crate::config::Tls) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = tls::client_config(settings)?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }

    /// The server moved, or may have: look its name up again.
    pub(super) fn forget_addresses(&self) {
        if let Some(resolver) = &self.resolver {
            resolver.forget();
        }
    }

    fn connect(&self, waiter: &dyn Waiter, deadline: Deadline) -> Result<OwnedSocket> {
        let candidates: Vec<SockAddr> = match (&self.server.address, &self.resolver) {
            (Address::Unix { path }, _) => vec![SockAddr::unix(path).map_err(|error| lost(&self.address, &error))?],
            (_, Some(resolver)) => resolver.addresses(waiter, deadline)?.into_iter().map(SockAddr::from).collect(),
            (Address::Tcp { .. }, None) | (Address::Memory { .. }, _) => Vec::new(),
        };
        let mut failure =
            Error::Connection { address: self.address.to_string(), cause: "it has no address".to_owned() };
        for (tried, candidate) in candidates.iter().enumerate() {
            // Every address gets its share of the time that is left, so that one that swallows packets leaves the next a chance.
            let share = deadline.remaining() / u32::try_from(candidates.len() - tried).unwrap_or(1);
            match self.connect_to(candidate, waiter, deadline.at_most(share)) {
                Ok(socket) => return Ok(socket),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => failure = error,
            }
        }
        Err(match failure {
            Error::Timeout { address, stage, .. } => Error::Timeout { address, stage, after: deadline.whole() },
            other => other,
        })
    }

    fn connect_to(&self, target: &SockAddr, waiter: &dyn Waiter, deadline: Deadline) -> Result<OwnedSocket> {
        let lost = |error: io::Error| lost(&self.address, &error);
        let socket = open(target).map_err(lost)?;
        let begun = socket.get().map(|socket| socket.connect(target));
        match begun {
            Some(Ok(())) => return Ok(socket),
            Some(Err(error)) if is_under_way(&error) => {}
            Some(Err(error)) => return Err(lost(error)),
            None => return Err(lost(io::Error::other("the process was forked while connecting"))),
        }
        let mut first = true;
        let done = waiter.until(deadline, false, &mut || {
            let Some(open) = socket.get() else {
                return Err(lost(io::Error::other("the process was forked while connecting")));
            };
            // Only `poll` can tell when the attempt is over; an error is asked for afterwards.
            if std::mem::take(&mut first) {
                return Ok(Attempt::Blocked(Interest { socket: raw(open), write: true, read: false, begun: false }));
            }
            match open.take_error().map_err(lost)? {
                Some(error) => Err(lost(error)),
                None if open.peer_addr().is_ok() => Ok(Attempt::Done),
                None => Ok(Attempt::Blocked(Interest { socket: raw(open), write: true, read: false, begun: false })),
            }
        })?;
        if done { Ok(socket) } else { Err(self.timeout(deadline, Stage::Connect)) }
    }

    fn shake_hands(&self, stream: &mut Stream, waiter: &dyn Waiter, deadline: Deadline) -> Result<()> {
        let failed =
            |error: io::Error| Error::Connection { address: self.address.to_string(), cause: format!("TLS: {error}") };
        let done = waiter.until(deadline, false, &mut || {
            if stream.handshake().map_err(failed)? {
                return Ok(Attempt::Done);
            }
            stream.interest(false, false).map(Attempt::Blocked).map_err(failed)
        })?;
        if done { Ok(()) } else { Err(self.timeout(deadline, Stage::Tls)) }
    }

    fn greet(&self, connection: &mut Connection, waiter: &dyn Waiter, deadline: Deadline) -> Result<()> {
        let mut greeting = Greeting::new(Arc::clone(&self.server));
        loop {
            connection.start(&mut greeting);
            if !waiter.until(deadline, true, &mut || connection.attempt())? {
                return Err(self.timeout(deadline, Stage::Greeting));
            }
            if let Step::Done(()) = connection.settle(&mut greeting)? {
                return Ok(());
            }
        }
    }

    pub(super) fn timeout(&self, deadline: Deadline, stage: Stage) -> Error {
        Error::Timeout { address: self.address.to_string(), after: deadline.whole(), stage }
    }
}

fn open(target: &SockAddr) -> io::Result<OwnedSocket> {
    let domain = Domain::from(i32::from(target.family()));
    let protocol = target.is_ipv4() || target.is_ipv6();
    // `Socket::new` sets close-on-exec, so that a program started by this one does not hold the connection open.
    let socket = Socket::new(domain, Type::STREAM, protocol.then_some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if protocol {
        socket.set_tcp_nodelay(true)?;
        SockRef::from(&socket).set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE))?;
    }
    Ok(OwnedSocket::new(socket))
}

/// A number for the address at the other end. One name may lead to several servers, or to another one after a failover. A
/// unix socket has no address to speak of.
pub(super) fn peer(mut address: Option<SocketAddr>) -> u64 {
    if let Some(address) = &mut address {
        // However a driver writes it: `::ffff:127.0.0.1` is no other server.
        address.set_ip(address.ip().to_canonical());
    }
    let mut hasher = std::hash::DefaultHasher::new();
    address.map(|address| (address.ip(), address.port())).hash(&mut hasher);
    hasher.finish()
}

fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    // A unix socket whose backlog is full answers EAGAIN and is not under way; it is an error as any other.
    cfg!(windows) && error.kind() == io::ErrorKind::WouldBlock
}
