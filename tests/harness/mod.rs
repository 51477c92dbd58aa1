//! What the tests need: servers, guests, agents, data and the checker.

pub mod guests;
