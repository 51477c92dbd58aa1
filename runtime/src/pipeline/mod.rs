//! THE FLOW.

pub mod dead_letter;
