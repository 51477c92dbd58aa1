//! The pipeline with fakes.
