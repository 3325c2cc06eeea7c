//! A closed loop of HTTP requests over connections that are open before the first one counts.
//!
//! `http_load PORT CONNECTIONS SECONDS TARGET` asks 127.0.0.1 for the same page all the time, each connection again as soon
//! as it was answered, and prints five numbers: requests per second, the median and the 99th percentile of their times in
//! microseconds, the microseconds until the last connection had its first answer, while the others went on asking, and all
//! answers, those before that time and after the end included. The opening is apart because it says how the server accepts connections under load: uvloop takes one in each turn of its loop.
//! wrk mixes it into its percentiles, and so cannot tell a slow page from a late `accept`.
//!
//! Only the standard library, so that plain `rustc` builds it; hence a thread for each connection.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

type Failure = Box<dyn Error + Send + Sync>;

const BUFFER_BYTES: usize = 64 * 1024;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port, connections, seconds, target] = arguments.as_slice() else {
        return Err("usage: http_load PORT CONNECTIONS SECONDS TARGET".into());
    };
    let (port, connections) = (port.parse()?, connections.parse::<usize>()?);
    let span = Duration::from_secs_f64(seconds.parse()?);
    let request = Arc::new(request(target));
    let start = Arc::new(Start { waiting: AtomicUsize::new(connections), begin: Barrier::new(connections + 1) });
    let opening = Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let (request, start) = (Arc::clone(&request), Arc::clone(&start));
            thread::spawn(move || ask(port, &request, &start, span))
        })
        .collect();
    start.begin.wait();
    let opened = opening.elapsed();
    let (mut times, mut answers) = (Vec::new(), 0);
    for client in clients {
        let asked = client.join().map_err(|_| "a client panicked")??;
        answers += asked.answers;
        times.extend(asked.times);
    }
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(u64::MAX);
    let rate = times.len() as f64 / span.as_secs_f64();
    println!("{rate:.1} {} {} {} {answers}", at(0.5), at(0.99), opened.as_micros());
    Ok(())
}

/// When the measured time begins: once every connection was answered.
struct Start {
    /// Connections that have had no answer yet.
    waiting: AtomicUsize,
    begin: Barrier,
}

/// What a browser behind a proxy sends: the host that the project allows, and two headers that answers may vary on.
fn request(target: &str) -> Vec<u8> {
    let headers = "Host: testserver\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate";
    format!("GET {target} HTTP/1.1\r\n{headers}\r\n\r\n").into_bytes()
}

/// What one connection was answered.
struct Asked {
    /// What each answer took that came in the measured time, in microseconds.
    times: Vec<u64>,
    answers: usize,
}

fn ask(port: u16, request: &[u8], start: &Start, span: Duration) -> Result<Asked, Failure> {
    let mut opened = open(port).and_then(|mut stream| exchange(&mut stream, request).map(|()| stream));
    // Also by those who failed: everybody else waits for them.
    start.waiting.fetch_sub(1, Ordering::Relaxed);
    let mut before = 1;
    while start.waiting.load(Ordering::Relaxed) > 0 && opened.is_ok() {
        opened = opened.and_then(|mut stream| exchange(&mut stream, request).map(|()| stream));
        before += 1;
    }
    start.begin.wait();
    let (mut stream, started, mut times) = (opened?, Instant::now(), Vec::new());
    loop {
        let asked = Instant::now();
        exchange(&mut stream, request)?;
        let answered = Instant::now();
        if answered - started > span {
            let answers = before + times.len() + 1;
            return Ok(Asked { times, answers });
        }
        times.push(u64::try_from((answered - asked).as_micros())?);
    }
}

fn open(port: u16) -> Result<BufReader<TcpStream>, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, stream))
}

/// Send a request and read its answer to the end.
fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<(), Failure> {
    stream.get_mut().write_all(request)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the server answered {line:?}").into());
    }
    let mut length = None;
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("the server closed a connection in the middle of an answer".into());
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse()?);
        }
    }
    let length: u64 = length.ok_or("an answer without a length")?;
    let read = io::copy(&mut stream.take(length), &mut io::sink())?;
    if read == length { Ok(()) } else { Err("the server closed a connection in the middle of an answer".into()) }
}
