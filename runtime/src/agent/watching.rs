//! Looks at the configuration's files now and then, as Flume does, and reloads what changed. What is read is what the files hold, not their
//! times, so that a file put back by `mv` is noticed and one that was merely touched is not.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::reload::Reloader;
use crate::control::Caller;

/// A file that changes is being written: it is read once it has stayed the same for so long.
const SETTLES: Duration = Duration::from_secs(1);

/// Runs until it is dropped. An invalid configuration is reported once: the next look finds what was read last.
pub(super) async fn watch(reloader: Arc<Reloader>) {
    let mut intervals = reloader.intervals();
    loop {
        let interval = *intervals.borrow_and_update();
        tokio::select! {
            () = pause(interval) => {}
            changed = intervals.changed() => match changed {
                Ok(()) => continue,
                // Whoever could change it is gone.
                Err(_) => return,
            },
        }
        if has_settled(&reloader).await
            && let Err(refusal) = reloader.reload(&Caller::new("file")).await
        {
            debug!(%refusal, "the changed configuration was not taken");
        }
    }
}

/// 0 is for ever.
async fn pause(interval: Duration) {
    match interval {
        Duration::ZERO => std::future::pending().await,
        interval => tokio::time::sleep(interval).await,
    }
}

/// Whether the files hold something new that is not being written any more.
async fn has_settled(reloader: &Reloader) -> bool {
    let Some(mut before) = reloader.changed().await else { return false };
    loop {
        tokio::time::sleep(SETTLES).await;
        match reloader.changed().await {
            None => return false,
            Some(now) if now == before => return true,
            Some(now) => before = now,
        }
    }
}
