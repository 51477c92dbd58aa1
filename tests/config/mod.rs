//! Configuration files and what is said about them.

mod cases;
mod conf;
mod convert;
mod malformed;
mod options;
