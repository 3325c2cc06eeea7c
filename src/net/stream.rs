//! A non-blocking stream of bytes: TCP or unix socket, with or without TLS.

use crate::process::OwnedSocket;
use crate::wait::{Interest, RawSocket};
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};

/// A connected socket that never blocks.
pub(super) struct Stream {
    socket: OwnedSocket,
    tls: Option<Box<ClientConnection>>,
}

/// How far a read or write came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes; 0 on reading means that the server closed.
    Bytes(usize),
    /// None: the socket must become ready first.
    Blocked,
}

impl Stream {
    pub(super) fn new(socket: OwnedSocket) -> Self {
        Self { socket, tls: None }
    }

    pub(super) fn with_tls(mut self, tls: ClientConnection) -> Self {
        self.tls = Some(Box::new(tls));
        self
    }

    fn socket(socket: &OwnedSocket) -> io::Result<&socket2::Socket> {
        socket.get().ok_or_else(|| io::Error::other("the process was forked while the connection was in use"))
    }

    /// Writes what it can.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Moved> {
        let mut socket = Quiet(Self::socket(&self.socket)?);
        let Some(tls) = &mut self.tls else {
            return moved(socket.write(bytes));
        };
        flush_tls(tls, &mut socket)?;
        // rustls takes a bounded amount, and none while its buffer is full.
        match tls.writer().write(bytes)? {
            0 => Ok(Moved::Blocked),
            taken => {
                flush_tls(tls, &mut socket)?;
                Ok(Moved::Bytes(taken))
            }
        }
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Moved> {
        let mut socket = Quiet(Self::socket(&self.socket)?);
        let Some(tls) = &mut self.tls else {
            return moved(socket.read(into));
        };
        loop {
            match tls.reader().read(into) {
                Ok(read) => return Ok(Moved::Bytes(read)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The server went away without the TLS farewell: an end of stream like any other.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Moved::Bytes(0)),
                Err(error) => return Err(error),
            }
            match moved(tls.read_tls(&mut socket))? {
                Moved::Blocked => {
                    flush_tls(tls, &mut socket)?;
                    return Ok(Moved::Blocked);
                }
                Moved::Bytes(_) => {
                    tls.process_new_packets().map_err(io::Error::other)?;
                }
            }
        }
    }

    /// One step of the TLS handshake; true when it is over.
    pub(super) fn handshake(&mut self) -> io::Result<bool> {
        let mut socket = Quiet(Self::socket(&self.socket)?);
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.is_handshaking() {
            flush_tls(tls, &mut socket)?;
            if !tls.is_handshaking() {
                break;
            }
            match moved(tls.read_tls(&mut socket))? {
                Moved::Blocked => return Ok(false),
                Moved::Bytes(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed it")),
                Moved::Bytes(_) => {
                    if let Err(error) = tls.process_new_packets() {
                        // The alert that tells the server why; whether it arrives no longer matters.
                        let _ = tls.write_tls(&mut socket);
                        return Err(io::Error::other(error));
                    }
                }
            }
        }
        flush_tls(tls, &mut socket)?;
        Ok(!tls.wants_write())
    }

    /// Whether bytes wait for room in the socket.
    pub(super) fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// What to wait for; `write` when there is more to write than the socket took.
    pub(super) fn interest(&self, write: bool, begun: bool) -> io::Result<Interest> {
        let socket = Self::socket(&self.socket)?;
        Ok(Interest { socket: raw(socket), write: write || self.has_unsent(), read: true, begun })
    }

    /// Whether an idle connection is still good: open, and the server said nothing unasked.
    pub(super) fn is_quiet(&mut self) -> bool {
        if self.tls.is_some() {
            // Session tickets come when the server likes; only plaintext or an end would be out of order.
            return matches!(self.read(&mut [0]), Ok(Moved::Blocked));
        }
        let Ok(socket) = Self::socket(&self.socket) else {
            return false;
        };
        let mut byte = [std::mem::MaybeUninit::uninit()];
        matches!(socket.peek(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

fn flush_tls(tls: &mut ClientConnection, socket: &mut Quiet<'_>) -> io::Result<()> {
    while tls.wants_write() {
        if moved(tls.write_tls(socket))? == Moved::Blocked {
            break;
        }
    }
    Ok(())
}

/// A socket whose writes never raise SIGPIPE, which ends programs that want it (`manage.py ... | head`).
struct Quiet<'a>(&'a socket2::Socket);

impl Read for Quiet<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Quiet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Elsewhere the socket has an option of its own for that, which `socket2` sets when it makes one.
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        return self.0.send_with_flags(bytes, libc::MSG_NOSIGNAL);
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
        return self.0.send(bytes);
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn moved(result: io::Result<usize>) -> io::Result<Moved> {
    match result {
        Ok(bytes) => Ok(Moved::Bytes(bytes)),
        // A signal during a non-blocking call: nothing moved, and trying again is as good as waiting.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(Moved::Blocked),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
pub(super) fn raw(socket: &socket2::Socket) -> RawSocket {
    std::os::fd::AsRawFd::as_raw_fd(socket)
}

#[cfg(windows)]
pub(super) fn raw(socket: &socket2::Socket) -> RawSocket {
    std::os::windows::io::AsRawSocket::as_raw_socket(socket)
}
