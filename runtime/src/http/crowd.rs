//! At most so many connections. When all places are taken, the oldest connection that is not being answered makes room for a new one: clients
//! that hold connections and ask nothing do not keep a probe or an operator out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::activity::Activity;

/// The open connections of a listener.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    members: BTreeMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    activity: Arc<Activity>,
    leave: Arc<Notify>,
}

/// A connection's place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    id: u64,
    /// What the connection is doing.
    pub(super) activity: Arc<Activity>,
    /// Told when it is to be closed, for another.
    pub(super) leave: Arc<Notify>,
}

impl Crowd {
    pub(super) fn new(most: usize) -> Arc<Crowd> {
        Arc::new(Crowd { most, inside: Mutex::default() })
    }

    /// A place, and whether another connection had to go for it; `None` when every connection is being answered.
    pub(super) fn enter(self: &Arc<Crowd>) -> Option<(Place, bool)> {
        let (activity, leave) = (Activity::new(), Arc::new(Notify::new()));
        let (id, displaced) = self.inside().enter(self.most, Member { activity: activity.clone(), leave: leave.clone() })?;
        Some((Place { crowd: self.clone(), id, activity, leave }, displaced))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn enter(&mut self, most: usize, member: Member) -> Option<(u64, bool)> {
        let displaced = self.members.len() >= most;
        if displaced {
            let oldest = *self.members.iter().find(|(_, member)| !member.activity.is_answering())?.0;
            if let Some(member) = self.members.remove(&oldest) {
                member.leave.notify_one();
            }
        }
        let id = self.next;
        self.next += 1;
        self.members.insert(id, member);
        Some((id, displaced))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.inside().members.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_connection_without_a_request_makes_room() {
        let crowd = Crowd::new(2);
        let (first, _) = crowd.enter().expect("room");
        let (second, displaced) = crowd.enter().expect("room");
        assert!(!displaced);
        let _answering = first.activity.answering();
        let (third, displaced) = crowd.enter().expect("the second makes room");
        assert!(displaced);
        second.leave.notified().await;
        let _answering = third.activity.answering();
        assert!(crowd.enter().is_none(), "both are being answered");
        drop(second);
        assert!(crowd.enter().is_none(), "its place was given away before");
        drop(first);
        assert!(!crowd.enter().expect("room").1);
    }
}
