//! Guests, good and hostile, in the host.
