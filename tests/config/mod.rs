//! Configuration files and what is said about them.

mod cases;
mod conf;
mod convert;
mod graph;
mod malformed;
mod options;
