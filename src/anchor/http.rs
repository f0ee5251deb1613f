//! One HTTP request and its answer, within bounds: an answer has so many bytes at most and comes within a fixed time, and no
//! redirection is followed, so that whoever answers cannot send us elsewhere. TLS is checked against the roots of Mozilla that
//! rustls brings along.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use ureq::http::{Request, header::CONTENT_TYPE};

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// How long a whole exchange may take, and how long it may take to find the other side.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// The longest answer in bytes: a checkpoint with a hundred signatures, or a time stamp with a chain of certificates.
const ANSWER_BYTES: u64 = 256 << 10;

/// The longest headers of an answer, in bytes.
const HEADER_BYTES: usize = 16 << 10;

/// How often it is looked whether somebody still waits for the answer.
const STEP: Duration = Duration::from_millis(50);

/// Sends something and gives the answer, whatever its status is.
pub(super) fn post(
    url: &str,
    content_type: &'static str,
    body: Vec<u8>,
    stopped: &dyn Fn() -> bool,
) -> Result<Answer, String> {
    let request = Request::post(url).header(CONTENT_TYPE, content_type).body(body);
    exchange(request.map_err(|error| error.to_string())?, stopped)
}

/// Asks for something.
pub(super) fn get(url: &str, stopped: &dyn Fn() -> bool) -> Result<Answer, String> {
    exchange(
        Request::get(url).body(Vec::new()).map_err(|error| error.to_string())?,
        stopped,
    )
}

/// In a thread of its own, which is left alone when nobody waits any more.
fn exchange(request: Request<Vec<u8>>, stopped: &dyn Fn() -> bool) -> Result<Answer, String> {
    let (send, receive) = channel();
    let work = move || {
        let _ = send.send(ask(request));
    };
    std::thread::Builder::new()
        .name("auditdb-http".to_owned())
        .spawn(work)
        .map_err(|error| error.to_string())?;
    loop {
        match receive.recv_timeout(STEP) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if stopped() => return Err("it was stopped".to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the request failed".to_owned()),
        }
    }
}

fn ask(request: Request<Vec<u8>>) -> Result<Answer, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(PATIENCE.0))
        .timeout_connect(Some(PATIENCE.1))
        .max_response_header_size(HEADER_BYTES)
        .user_agent(concat!("auditdb/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let answer = if request.method() == ureq::http::Method::GET {
        agent.run(request.map(|_| ()))
    } else {
        agent.run(request)
    };
    let mut answer = answer.map_err(|error| in_words(&error))?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
    let body = body.map_err(|error| in_words(&error))?;
    Ok(Answer { status, body })
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BodyExceedsLimit(limit) => format!("its answer is longer than {limit} bytes"),
        ureq::Error::Timeout(_) => format!("it did not answer within {} s", PATIENCE.0.as_secs()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nobody listens there (connection refused)".to_owned()
        }
        error => error.to_string(),
    }
}

/// The beginning of an answer that should not have come, for people.
pub(super) fn quoted(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(100).collect();
    let text = text.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Answers one request with these bytes, again and again the last ones.
    fn server(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            answer(&mut stream);
        });
        url
    }

    #[test]
    fn hostile_answers_end_in_words() {
        let never = || false;
        let plain = server(|stream| {
            stream
                .write_all(b"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\n12\n")
                .unwrap()
        });
        let answer = post(&plain, "text/plain", b"x".to_vec(), &never).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (409, b"12\n".as_slice()));
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
        let moved = server(move |stream| stream.write_all(elsewhere.as_bytes()).unwrap());
        assert_eq!(get(&moved, &never).unwrap().status, 302);
        let endless = server(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'a'; 4096]).is_ok() {}
        });
        assert!(get(&endless, &never).unwrap_err().contains("longer than 262144 bytes"));
        let headers = server(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream.write_all(b"A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n").is_ok() {}
        });
        assert!(get(&headers, &never).is_err());
        let garbage = server(|stream| stream.write_all(b"\0\0\0 hello\r\n\r\n").unwrap());
        assert!(get(&garbage, &never).is_err());
        let refused = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", refused.local_addr().unwrap());
        drop(refused);
        assert!(get(&url, &never).unwrap_err().contains("nobody listens"));
    }

    #[test]
    fn whoever_no_longer_waits_goes_on() {
        static STOPPED: AtomicBool = AtomicBool::new(false);
        let silent = server(|stream| {
            STOPPED.store(true, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 10]);
            std::thread::sleep(Duration::from_secs(60));
        });
        let error = get(&silent, &|| STOPPED.load(Ordering::SeqCst)).unwrap_err();
        assert_eq!(error, "it was stopped");
    }
}
