//! The wish to stop cleanly: sources read no more, what is open is settled, then everything ends.

use tokio::sync::watch;

/// Tells tasks that they should drain; clones share one wish.
#[derive(Debug, Clone)]
pub struct Drain {
    wish: watch::Receiver<bool>,
}

/// Makes the wish. Dropping it makes it too, so that no task outlives its owner.
#[derive(Debug)]
pub struct DrainSwitch {
    wish: watch::Sender<bool>,
}

impl DrainSwitch {
    /// A wish not made yet.
    pub fn new() -> (DrainSwitch, Drain) {
        let (sender, receiver) = watch::channel(false);
        (DrainSwitch { wish: sender }, Drain { wish: receiver })
    }

    /// Asks everyone to drain.
    pub fn request(&self) {
        self.wish.send_replace(true);
    }
}

impl Drain {
    /// Resolves once the drain was requested; cancel safe.
    pub async fn requested(&self) {
        let mut wish = self.wish.clone();
        // An error is a dropped switch: nobody is left to wait for.
        let _ = wish.wait_for(|requested| *requested).await;
    }

    /// Whether the drain was requested.
    pub fn is_requested(&self) -> bool {
        *self.wish.borrow() || self.wish.has_changed().is_err()
    }
}
