//! One connection, and a round trip on it that never blocks: the caller's `Waiter` decides how to wait between tries.

use super::reply::{Limits, ReplyReader};
use super::stream::{Moved, Stream};
use crate::error::{Error, Result};
use crate::op::{Operation, Replies, Reply, Request, Route, Step};
use crate::wait::{Attempt, Interest};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Reads before the caller looks at the clock again, and whether the GIL should go.
const READS_PER_ATTEMPT: usize = 16;

/// A connection to the server, with the buffers of the round trip under way.
pub struct Connection {
    stream: Stream,
    reader: ReplyReader,
    request: Request,
    written: usize,
    replies: Replies,
    received: usize,
    address: Arc<str>,
    pub(super) route: Route,
    pub(super) idle_since: Instant,
    /// False from the start of a round trip until its last reply: a connection that is not in step is never used again.
    in_step: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, limits: Limits, address: Arc<str>, peer: u64) -> Self {
        Self {
            stream,
            reader: ReplyReader::new(limits),
            request: Request::default(),
            written: 0,
            replies: Replies::new(),
            received: 0,
            address,
            route: Route::new(peer),
            idle_since: Instant::now(),
            in_step: true,
        }
    }

    /// Takes the commands of the operation's next round trip.
    pub(super) fn start<O: Operation>(&mut self, operation: &mut O) {
        self.request.clear();
        self.written = 0;
        self.received = 0;
        self.replies.clear();
        operation.routed(self.route);
        operation.request(&mut self.request);
        self.in_step = false;
    }

    /// Writes and reads what is possible now.
    ///
    /// # Errors
    /// The connection is lost, or the server sent nonsense. It is not to be used again.
    pub(super) fn attempt(&mut self) -> Result<Attempt> {
        let wrote = self.write()?;
        // Nothing can have come yet: the first look at the socket would be a system call for nothing. What came while there
        // was more to write may lie in TLS, where no `poll` sees it.
        if wrote && self.written == self.request.bytes().len() && self.received == 0 {
            return self.blocked();
        }
        for _ in 0..READS_PER_ATTEMPT {
            match self.stream.read(self.reader.space()).map_err(|error| self.lost(&error))? {
                Moved::Blocked => return self.blocked(),
                Moved::Bytes(0) => return Err(self.closed()),
                Moved::Bytes(bytes) => {
                    self.received += bytes;
                    self.reader.filled(bytes);
                }
            }
            while let Some(reply) = self.reader.next()? {
                self.replies.push(reply);
                if self.replies.len() == self.request.commands() {
                    return self.finish();
                }
            }
        }
        Ok(Attempt::Unfinished)
    }

    fn write(&mut self) -> Result<bool> {
        let mut wrote = false;
        while self.written < self.request.bytes().len() {
            let rest = &self.request.bytes()[self.written..];
            match self.stream.write(rest).map_err(|error| lost(&self.address, &error))? {
                Moved::Blocked => break,
                Moved::Bytes(bytes) => self.written += bytes,
            }
            wrote = true;
        }
        Ok(wrote)
    }

    fn blocked(&self) -> Result<Attempt> {
        let more = self.written < self.request.bytes().len();
        self.stream.interest(more, self.received > 0).map(Attempt::Blocked).map_err(|error| self.lost(&error))
    }

    fn finish(&mut self) -> Result<Attempt> {
        if self.written < self.request.bytes().len() || !self.reader.is_idle() {
            return Err(Error::Protocol("more replies came than commands were sent".to_owned()));
        }
        self.in_step = true;
        Ok(Attempt::Done)
    }

    /// Hands the replies of a finished round trip to the operation.
    pub(super) fn settle<O: Operation>(&mut self, operation: &mut O) -> Result<Step<O::Outcome>> {
        operation.replies(std::mem::take(&mut self.replies))
    }

    /// Hands pushes over from now on.
    pub(super) fn listen(&mut self) {
        self.reader.listen();
        // It is in step with nobody any more.
        self.in_step = false;
    }

    /// Sends bytes beside any round trip.
    pub(super) fn say(&mut self, bytes: &[u8]) -> Result<()> {
        match self.stream.write(bytes).map_err(|error| self.lost(&error))? {
            Moved::Bytes(sent) if sent == bytes.len() => Ok(()),
            // The little that a listener says always finds room, unless the server has stopped to read.
            _ => Err(Error::Connection {
                address: self.address.to_string(),
                cause: "the server reads nothing any more".to_owned(),
            }),
        }
    }

    /// The next reply or push that is there.
    pub(super) fn hear(&mut self) -> Result<Option<Reply>> {
        loop {
            if let Some(reply) = self.reader.next()? {
                return Ok(Some(reply));
            }
            match self.stream.read(self.reader.space()).map_err(|error| self.lost(&error))? {
                Moved::Blocked => return Ok(None),
                Moved::Bytes(0) => return Err(self.closed()),
                Moved::Bytes(bytes) => self.reader.filled(bytes),
            }
        }
    }

    /// What to wait for before more can be heard.
    pub(super) fn interest(&self) -> Result<Interest> {
        self.stream.interest(false, false).map_err(|error| self.lost(&error))
    }

    /// Bytes sent and received in this round trip.
    pub(super) fn moved(&self) -> (usize, usize) {
        (self.written, self.received)
    }

    /// Whether the next command would be answered by its own reply.
    pub(super) fn is_in_step(&self) -> bool {
        self.in_step
    }

    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    fn closed(&mut self) -> Error {
        // Some servers say why before they close: too many clients, protected mode.
        if let Some(Reply::Error(error)) = self.replies.pop() {
            return Error::Server(error);
        }
        Error::Connection { address: self.address.to_string(), cause: "the server closed it".to_owned() }
    }

    fn lost(&self, error: &io::Error) -> Error {
        lost(&self.address, error)
    }
}

/// A connection error as ours.
pub(super) fn lost(address: &str, error: &io::Error) -> Error {
    Error::Connection { address: address.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Commands, Step, only};
    use crate::process::OwnedSocket;
    use crate::wait::{Polled, poll};
    use redis::cmd;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    struct Ask;

    impl Operation for Ask {
        type Outcome = Reply;

        fn request(&mut self, commands: &mut dyn Commands) {
            commands.push(&cmd("PING"));
        }

        fn replies(&mut self, replies: Replies) -> Result<Step<Reply>> {
            only(replies).map(Step::Done)
        }
    }

    /// Both ends of a connection.
    fn connection() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        client.set_nonblocking(true).expect("it is open");
        let (server, _) = listener.accept().expect("it was connected to");
        let stream = Stream::new(OwnedSocket::new(client.into()));
        (Connection::new(stream, Limits::new(8 << 20), "test".into(), 1), server)
    }

    #[test]
    fn it_never_waits_for_what_has_left_the_socket_already() {
        let (mut connection, mut server) = connection();
        let sizes: Vec<usize> = (100..400).step_by(3).collect();
        let asked = sizes.clone();
        let thread = std::thread::spawn(move || {
            for size in asked {
                let _ = server.read(&mut [0; 64]).expect("the client asks");
                let reply = [
                    format!("*{size}\r\n").into_bytes(),
                    [&b"$4000\r\n"[..], &[7; 4000], b"\r\n"].concat().repeat(size),
                ];
                server.write_all(&reply.concat()).expect("the client reads");
            }
        });
        for size in sizes {
            connection.start(&mut Ask);
            loop {
                match connection.attempt().expect("the server answers") {
                    Attempt::Done => break,
                    Attempt::Unfinished => {}
                    Attempt::Blocked(interest) => {
                        assert_eq!(poll(interest, Duration::from_secs(10)), Polled::Ready, "{size} values");
                        // What comes in many reads is there before the first.
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
            let Step::Done(Reply::Array(values)) = connection.settle(&mut Ask).expect("it is a reply") else {
                unreachable!("an array was sent");
            };
            assert_eq!(values.len(), size);
        }
        thread.join().expect("the server ends");
    }
}
