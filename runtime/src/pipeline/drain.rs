//! The wish to stop cleanly: sources read no more, what is open is settled, then everything ends. Where that takes too long the wish becomes
//! stronger: what is open is given up, uncommitted, and comes again.

use tokio::sync::watch;

/// How much is wished for; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Nothing,
    Drain,
    Abandon,
}

/// Tells tasks that they should drain; clones share one wish.
#[derive(Debug, Clone)]
pub struct Drain {
    wish: watch::Receiver<Wish>,
}

/// Makes the wish. Dropping it makes it too, so that no task outlives its owner.
#[derive(Debug)]
pub struct DrainSwitch {
    wish: watch::Sender<Wish>,
}

impl DrainSwitch {
    /// A wish not made yet.
    pub fn new() -> (DrainSwitch, Drain) {
        let (sender, receiver) = watch::channel(Wish::Nothing);
        (DrainSwitch { wish: sender }, Drain { wish: receiver })
    }

    /// Asks everyone to drain.
    pub fn request(&self) {
        self.raise(Wish::Drain);
    }

    /// Asks everyone to wait for nothing any more: what is open comes again.
    pub fn abandon(&self) {
        self.raise(Wish::Abandon);
    }

    fn raise(&self, wished: Wish) {
        self.wish.send_if_modified(|wish| {
            let raised = *wish < wished;
            *wish = wished.max(*wish);
            raised
        });
    }
}

impl Drain {
    /// Resolves once the drain was requested; cancel safe.
    pub async fn requested(&self) {
        let mut wish = self.wish.clone();
        // An error is a dropped switch: nobody is left to wait for.
        let _ = wish.wait_for(|wish| *wish >= Wish::Drain).await;
    }

    /// Whether the drain was requested.
    pub fn is_requested(&self) -> bool {
        *self.wish.borrow() >= Wish::Drain || self.wish.has_changed().is_err()
    }

    /// Resolves once what is open is to be given up; cancel safe. A dropped switch only asks for a drain.
    pub async fn abandoned(&self) {
        let mut wish = self.wish.clone();
        if wish.wait_for(|wish| *wish == Wish::Abandon).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn giving_up_is_a_drain_too_and_a_drain_asked_for_later_does_not_weaken_it() {
        let (switch, drain) = DrainSwitch::new();
        assert!(!drain.is_requested() && drain.requested().now_or_never().is_none());
        switch.request();
        assert!(drain.is_requested() && drain.abandoned().now_or_never().is_none());
        switch.abandon();
        switch.request();
        assert!(drain.is_requested());
        drain.abandoned().await;
    }

    #[tokio::test]
    async fn a_dropped_switch_drains_and_gives_nothing_up() {
        let (switch, drain) = DrainSwitch::new();
        drop(switch);
        drain.requested().await;
        assert!(drain.is_requested());
        assert!(drain.abandoned().now_or_never().is_none());
    }
}
