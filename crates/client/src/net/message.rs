//! HTTP/1.1 as this client speaks it (RFC 9112): one request, one answer, then the connection ends.
//!
//! Only the connection to a proxy is used again, for the rounds of a sign-in. What comes is bounded
//! before it is kept, and what two readers could read differently is refused.

use std::io::{self, Read, Write};

use httparse::Status;

/// Why an answer could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The connection failed or took too long.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not HTTP, or cut off.
    #[error("{0}")]
    NotHttp(&'static str),
    /// The body is longer than is taken.
    #[error("longer than {0} octets")]
    TooLong(usize),
}

/// Status and headers of an answer.
pub(super) struct Head {
    /// The status code.
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    is_http_10: bool,
}

impl Head {
    /// The first header of this name, in any case. Octets beyond ASCII come as U+FFFD.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        let found = found.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All headers of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.headers.iter();
        let found = found.filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the connection stays open after the body (RFC 9112 §9.3). Proxies of old say so in
    /// `Proxy-Connection`.
    pub(super) fn keeps_open(&self) -> bool {
        let said = |wanted: &str| {
            let values = self.all("Connection").chain(self.all("Proxy-Connection"));
            let mut words = values.flat_map(|value| value.split(','));
            words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
        };
        !said("close") && (!self.is_http_10 || said("keep-alive"))
    }

    /// All headers, names in lower case, in their order.
    pub(super) fn into_headers(self) -> Vec<(String, String)> {
        let headers = self.headers.into_iter();
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value));
        headers.collect()
    }

    fn framing(&self) -> Result<Framing, ReadError> {
        let coding: Vec<&str> = self.all("Transfer-Encoding").collect();
        let mut lengths = self.all("Content-Length");
        let length = lengths.next();
        if lengths.any(|other| Some(other) != length) {
            return Err(ReadError::NotHttp("two lengths of the body"));
        }
        match (coding.as_slice(), length) {
            ([], None) => Ok(Framing::UntilEnd),
            ([], Some(length)) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
                let length = length.parse();
                length
                    .map(Framing::Length)
                    .map_err(|_| ReadError::NotHttp("the length of the body is no number"))
            }
            ([], Some(_)) => Err(ReadError::NotHttp("the length of the body is no number")),
            ([one], None) if one.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(ReadError::NotHttp("an unknown transfer coding")),
        }
    }
}

/// How the end of a body is found (RFC 9112 §6.3).
enum Framing {
    Chunked,
    Length(u64),
    UntilEnd,
}

/// What a body belongs to: some answers have none whatever their headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// HEAD.
    Head,
    /// Anything that answers with a body.
    Other,
}

/// Reads answers from a connection.
pub(super) struct Reader<S> {
    stream: S,
    held: Vec<u8>,
}

impl<S: Read> Reader<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
    }

    /// The connection, to write the next request.
    pub(super) const fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The connection, for another protocol. What came early was not meant for HTTP, and no
    /// protocol that we speak behind a proxy lets the server begin.
    pub(super) fn into_stream(self) -> Result<S, ReadError> {
        if self.held.is_empty() {
            Ok(self.stream)
        } else {
            Err(ReadError::NotHttp("octets before they were asked for"))
        }
    }

    /// The next final status and its headers; interim answers (1xx) are passed over.
    pub(super) fn head(&mut self) -> Result<Head, ReadError> {
        for _ in 0..=INTERIM_ANSWERS {
            let head = self.one_head()?;
            if !(100..200).contains(&head.status) {
                return Ok(head);
            }
        }
        Err(ReadError::NotHttp("no final answer"))
    }

    fn one_head(&mut self) -> Result<Head, ReadError> {
        loop {
            if let Some((head, length)) = parse_head(&self.held)? {
                self.held.drain(..length);
                return Ok(head);
            }
            if self.held.len() >= HEAD_LIMIT {
                return Err(ReadError::NotHttp("the headers are too long"));
            }
            if self.fill()? == 0 {
                let nothing = self.held.is_empty();
                return Err(ReadError::NotHttp(if nothing {
                    "the connection was closed without an answer"
                } else {
                    "the headers are cut off"
                }));
            }
        }
    }

    /// Writes the body of `head` to `sink`. More than `limit` octets are an error, told before
    /// they are read where the length is known.
    pub(super) fn body(
        &mut self,
        head: &Head,
        asked: Asked,
        limit: usize,
        sink: &mut dyn Write,
    ) -> Result<(), ReadError> {
        if asked == Asked::Head || matches!(head.status, 204 | 304) {
            return Ok(());
        }
        match head.framing()? {
            Framing::Length(length) => {
                let length = usize::try_from(length).map_err(|_| ReadError::TooLong(limit))?;
                if length > limit {
                    return Err(ReadError::TooLong(limit));
                }
                self.copy(length, sink)
            }
            Framing::Chunked => self.chunks(limit, sink),
            Framing::UntilEnd => {
                let mut left = limit;
                loop {
                    if self.held.len() > left {
                        return Err(ReadError::TooLong(limit));
                    }
                    left -= self.held.len();
                    sink.write_all(&self.held)?;
                    self.held.clear();
                    if self.fill()? == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn chunks(&mut self, limit: usize, sink: &mut dyn Write) -> Result<(), ReadError> {
        let mut left = limit;
        loop {
            let length = self.chunk_length()?;
            if length > left {
                return Err(ReadError::TooLong(limit));
            }
            if length == 0 {
                return self.trailers();
            }
            left -= length;
            self.copy(length, sink)?;
            if self.line()? != b"" {
                return Err(ReadError::NotHttp("a chunk without its end"));
            }
        }
    }

    fn chunk_length(&mut self) -> Result<usize, ReadError> {
        let bad = ReadError::NotHttp("a chunk without its length");
        let line = self.line()?;
        let digits = line.split(|octet| *octet == b';').next();
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.unwrap_or_default().trim();
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(bad);
        }
        usize::from_str_radix(digits, 16).map_err(|_| bad)
    }

    fn trailers(&mut self) -> Result<(), ReadError> {
        for _ in 0..MOST_HEADERS {
            if self.line()?.is_empty() {
                return Ok(());
            }
        }
        Err(ReadError::NotHttp("the trailers are too long"))
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Vec<u8>, ReadError> {
        loop {
            if let Some(end) = self.held.iter().position(|octet| *octet == b'\n') {
                let mut line: Vec<u8> = self.held.drain(..=end).collect();
                line.pop();
                if line.pop_if(|last| *last == b'\r').is_none() {
                    return Err(ReadError::NotHttp("a bare line feed"));
                }
                return Ok(line);
            }
            if self.held.len() > LINE_LIMIT || self.fill()? == 0 {
                return Err(ReadError::NotHttp("the body is cut off"));
            }
        }
    }

    fn copy(&mut self, mut left: usize, sink: &mut dyn Write) -> Result<(), ReadError> {
        while left > 0 {
            if self.held.is_empty() && self.fill()? == 0 {
                return Err(ReadError::NotHttp("the body is cut off"));
            }
            let take = left.min(self.held.len());
            let taken: Vec<u8> = self.held.drain(..take).collect();
            sink.write_all(&taken)?;
            left -= take;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<usize, ReadError> {
        let mut buffer = [0; 8 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.held
            .extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn parse_head(octets: &[u8]) -> Result<Option<(Head, usize)>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(octets) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            let text = |octets: &[u8]| String::from_utf8_lossy(octets).trim().to_owned();
            let headers = answer.headers.iter();
            let head = Head {
                status: answer.code.unwrap_or_default(),
                headers: headers
                    .map(|header| (header.name.to_owned(), text(header.value)))
                    .collect(),
                is_http_10: answer.version == Some(0),
            };
            Ok(Some((head, length)))
        }
        Err(_) => Err(ReadError::NotHttp(
            "the first line or a header is malformed",
        )),
    }
}

/// Status line and headers together.
const HEAD_LIMIT: usize = 32 * 1024;
const MOST_HEADERS: usize = 64;
const LINE_LIMIT: usize = 1024;
const INTERIM_ANSWERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of the octets, one octet a read.
    fn read(octets: &[u8], limit: usize) -> Result<(u16, Vec<u8>), ReadError> {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(&mut buffer[..1])
            }
        }
        let mut reader = Reader::new(Slow(octets));
        let head = reader.head()?;
        let mut body = Vec::new();
        reader.body(&head, Asked::Other, limit, &mut body)?;
        Ok((head.status, body))
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        for octets in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            assert_eq!(
                read(octets.as_bytes(), 5).unwrap(),
                (200, b"hello".to_vec()),
                "{octets}"
            );
            assert!(
                matches!(read(octets.as_bytes(), 4), Err(ReadError::TooLong(4))),
                "{octets}"
            );
        }
    }

    #[test]
    fn what_is_cut_off_or_can_be_read_in_two_ways_is_no_answer() {
        for octets in [
            "",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        ] {
            let answer = read(octets.as_bytes(), 100);
            assert!(matches!(answer, Err(ReadError::NotHttp(_))), "{octets}");
        }
    }

    #[test]
    fn endless_headers_and_chunk_lengths_beyond_any_memory_are_refused() {
        let mut octets = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        octets.extend(std::iter::repeat_n(b'a', 2 * HEAD_LIMIT));
        let endless = Reader::new(octets.as_slice()).head();
        assert!(matches!(endless, Err(ReadError::NotHttp(_))));
        let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        assert!(matches!(read(chunk, 9), Err(ReadError::TooLong(9))));
    }

    #[test]
    fn a_connection_stays_open_unless_somebody_says_otherwise() {
        let keeps = |octets: &str| {
            parse_head(octets.as_bytes())
                .unwrap()
                .unwrap()
                .0
                .keeps_open()
        };
        assert!(keeps("HTTP/1.1 407 x\r\n\r\n"));
        assert!(!keeps("HTTP/1.1 407 x\r\nConnection: Close\r\n\r\n"));
        assert!(!keeps("HTTP/1.1 407 x\r\nProxy-Connection: close\r\n\r\n"));
        assert!(!keeps("HTTP/1.0 407 x\r\n\r\n"));
        assert!(keeps(
            "HTTP/1.0 407 x\r\nProxy-Connection: keep-alive\r\n\r\n"
        ));
    }
}
