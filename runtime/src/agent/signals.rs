//! What the operating system may ask of an agent: to stop, to read its configuration again, to say how it is.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;

/// Asks an agent to stop; asked again, to stop at once.
pub trait Stop: Send {
    /// Resolves at the next wish to stop.
    fn next(&mut self) -> impl Future<Output = ()> + Send;
}

/// SIGTERM and SIGINT: the first drains, the second stops. SIGQUIT counts as both.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    quitting: bool,
}

impl Signals {
    /// Takes the signals over from their default action.
    ///
    /// # Errors
    /// The system has no room for a handler.
    pub fn install() -> Result<Signals, Error> {
        Ok(Signals {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            quit: on(SignalKind::quit())?,
            quitting: false,
        })
    }
}

impl Stop for Signals {
    async fn next(&mut self) {
        if self.quitting {
            return;
        }
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => self.quitting = true,
        }
    }
}

/// What else a signal may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: say in the log how all is.
    Status,
}

/// SIGHUP and SIGUSR1; one that comes while the agent is being built is answered when it runs.
pub(super) struct Requests {
    hang_up: Signal,
    user: Signal,
}

impl Requests {
    pub(super) fn install() -> Result<Requests, Error> {
        Ok(Requests { hang_up: on(SignalKind::hangup())?, user: on(SignalKind::user_defined1())? })
    }

    /// The next one; cancel safe.
    pub(super) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.hang_up.recv() => Request::Reload,
            _ = self.user.recv() => Request::Status,
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(Error::Signals)
}
