//! A TCP proxy that makes a server seem further away: it holds every reply back for a fixed time.
//!
//! `delay_proxy HOST:PORT MICROSECONDS` prints the port it listens on (of 127.0.0.1) and serves until its standard
//! input ends. Requests pass at once. It needs only the standard library, so that plain `rustc` builds it in a second;
//! in Python the proxy would be slower and noisier than the delays it is to make.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const BUFFER_BYTES: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(server), Some(delay)) = (arguments.next(), arguments.next()) else {
        return Err("usage: delay_proxy HOST:PORT MICROSECONDS".into());
    };
    let delay = Duration::from_micros(delay.parse()?);
    // Threads started from here on inherit it. Otherwise the kernel adds up to 50 µs to every sleep, to wake fewer times.
    fs::write("/proc/self/timerslack_ns", "1")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    thread::spawn(move || accept(&listener, &server, delay));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn accept(listener: &TcpListener, server: &str, delay: Duration) {
    for client in listener.incoming() {
        let connected = client.and_then(|client| Ok((client, TcpStream::connect(server)?)));
        if let Err(error) = connected.and_then(|(client, server)| join(client, server, delay)) {
            eprintln!("delay_proxy: {error}");
        }
    }
}

fn join(client: TcpStream, server: TcpStream, delay: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (requests, replies) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(requests, server));
    let (late, due) = mpsc::channel();
    thread::spawn(move || stamp(replies, delay, &late));
    thread::spawn(move || deliver(client, &due));
    Ok(())
}

/// Pass requests on at once. An error on either side ends both.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Already closed by the other side in the usual case: nothing is left to be told.
    let _ = to.shutdown(Shutdown::Both);
}

/// Read replies as they come and say when each is due, so that the delay is one of latency and not of throughput.
fn stamp(mut from: TcpStream, delay: Duration, late: &mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if late.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
            break;
        }
    }
}

fn deliver(mut to: TcpStream, due: &mpsc::Receiver<(Instant, Vec<u8>)>) {
    for (moment, bytes) in due {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
