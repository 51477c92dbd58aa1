//! A running agent's API, from outside: one connection a call, each with a deadline, every answer bounded.
//!
//! [`Connect`] is the command line's part: which agent, as whom. [`routes`] has a function a route. An answer is believed only when it looks like the
//! API's own; anything else is an [`Error`] that says what was met.

mod address;
mod connect;
mod error;
mod exchange;
pub mod routes;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod wire;

pub use address::Address;
pub use connect::{Connect, DEFAULT_API, duration};
pub use error::{Error, Problem};
pub use exchange::{Answer, Client};
pub use stream::Stream;
