//! The sink as a whole.
