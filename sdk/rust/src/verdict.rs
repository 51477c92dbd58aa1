//! What an interceptor says of an event.

use std::borrow::Cow;

/// What becomes of an event. Changes are made through the [`Event`](crate::Event)'s methods.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It goes on, with the changes made to it.
    Keep,
    /// It is dropped, on purpose; it counts as delivered. Events derived from it go on.
    Discard,
    /// It goes to the dead letters as it came, with this reason.
    Reject(Cow<'static, str>),
}

impl Verdict {
    /// [`Verdict::Reject`] with a reason a person will read.
    pub fn reject(reason: impl Into<Cow<'static, str>>) -> Verdict {
        Verdict::Reject(reason.into())
    }
}

/// Why a whole batch could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// A fault with a reason a person will read.
    pub fn new(reason: impl Into<String>) -> Fault {
        Fault(reason.into())
    }

    pub(crate) fn into_reason(self) -> String {
        self.0
    }
}
