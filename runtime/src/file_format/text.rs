//! Lines of text: `org.apache.flume.serialization.BodyTextEventSerializer` and `HeaderAndBodyTextEventSerializer`.

use super::{Encoder, Error, Refused};
use crate::event::Event;

/// The body as it is, then a line end unless that is switched off. A body that holds line ends itself is several lines, as in Flume.
pub(super) struct Bodies {
    pub(super) newline: bool,
}

impl Encoder for Bodies {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        body(event, self.newline, out);
        Ok(())
    }

    fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// The headers as Java prints a map, a space, and the body: `{host=a, timestamp=1} body`. Java's order is that of a hash table; here the
/// names are sorted. Text that is not UTF-8 is replaced, as in Flume's own headers.
pub(super) struct HeadersAndBodies {
    pub(super) newline: bool,
}

impl Encoder for HeadersAndBodies {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        out.push(b'{');
        for (index, (name, value)) in event.event_headers().iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(String::from_utf8_lossy(name).as_bytes());
            out.push(b'=');
            out.extend_from_slice(String::from_utf8_lossy(value).as_bytes());
        }
        out.extend_from_slice(b"} ");
        body(event, self.newline, out);
        Ok(())
    }

    fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

fn body(event: &Event, newline: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(event.body());
    if newline {
        out.push(b'\n');
    }
}
