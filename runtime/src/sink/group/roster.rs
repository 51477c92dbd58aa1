//! Who of a group writes the next batch: priorities, turns and rests, with no sink in sight.
//!
//! A rest is Flume's: `min(longest, 1000 ms · 2^n)` after the n-th failure. Failover forgets the failures with a success
//! (`FailoverSinkProcessor`), load balancing with an hour without one (`OrderSelector`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::spec::{Processor, Turn};

/// Failures that make a rest longer (`EXP_BACKOFF_COUNTER_LIMIT`).
const COUNTED: u32 = 16;
/// After so long beyond its rest a failure is the first again (`CONSIDER_SEQUENTIAL_RANGE`).
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// The members by their place in the group.
#[derive(Debug)]
pub(super) struct Roster {
    way: Way,
    members: Vec<Standing>,
    /// Failures since anybody's last success, those of one member's writes side by side counted once.
    in_a_row: usize,
    last_failed: usize,
}

#[derive(Debug)]
enum Way {
    /// Places by priority, the highest first.
    Failover {
        order: Vec<usize>,
        longest: Duration,
    },
    Turns {
        turn: Turn,
        next: usize,
        longest: Option<Duration>,
    },
}

#[derive(Debug, Default, Clone)]
struct Standing {
    failures: u32,
    failed_at: Option<Instant>,
    rests_until: Option<Instant>,
    /// Writes under way.
    flying: usize,
    /// Raised with each failure: what was begun before says nothing new.
    stretch: u64,
}

/// A write that a member is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) member: usize,
    stretch: u64,
}

/// Who writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// This one.
    Member(Chosen),
    /// Another than before, once what is under way has ended: so that events stay in order.
    AfterFlight,
    /// Everybody rests.
    Nobody,
}

impl Roster {
    pub(super) fn new(processor: &Processor, names: &[&str]) -> Roster {
        let way = match processor {
            Processor::Default {} => Way::Failover { order: vec![0], longest: Duration::ZERO },
            Processor::Failover { priorities, max_penalty } => {
                Way::Failover { order: by_priority(priorities, names), longest: *max_penalty }
            }
            Processor::LoadBalance { selector, backoff, max_timeout } => {
                Way::Turns { turn: *selector, next: 0, longest: backoff.then_some(*max_timeout) }
            }
        };
        Roster { way, members: vec![Standing::default(); names.len()], in_a_row: 0, last_failed: 0 }
    }

    /// Chooses who writes a batch, whose write counts as begun.
    pub(super) fn pick(&mut self, now: Instant) -> Pick {
        let Some(member) = self.choose(now) else { return Pick::Nobody };
        if matches!(self.way, Way::Failover { .. }) && self.must_wait(member) {
            return Pick::AfterFlight;
        }
        let standing = &mut self.members[member];
        standing.flying += 1;
        Pick::Member(Chosen { member, stretch: standing.stretch })
    }

    /// While another member has writes under way; and a member that failed writes one batch to begin with.
    fn must_wait(&self, member: usize) -> bool {
        let others = self.members.iter().enumerate().any(|(place, standing)| place != member && standing.flying > 0);
        others || (self.members[member].failures > 0 && self.members[member].flying > 0)
    }

    fn choose(&mut self, now: Instant) -> Option<usize> {
        let awake = |place: &usize| self.members[*place].rests_until.is_none_or(|until| until <= now);
        match &mut self.way {
            Way::Failover { order, .. } => order.iter().copied().find(awake),
            Way::Turns { turn, next, .. } => {
                let count = self.members.len();
                let first = match turn {
                    Turn::RoundRobin => *next,
                    Turn::Random => fastrand::usize(0..count.max(1)),
                };
                let mut candidates: Vec<usize> = (0..count).map(|step| (first + step) % count).filter(awake).collect();
                if self.in_a_row > 0 && candidates.len() > 1 {
                    // It has just failed: somebody else's turn.
                    candidates.retain(|place| *place != self.last_failed);
                }
                let chosen = *candidates.first()?;
                *next = (chosen + 1) % count;
                Some(chosen)
            }
        }
    }

    /// A write has ended, however it did.
    pub(super) fn landed(&mut self, chosen: Chosen) {
        let standing = &mut self.members[chosen.member];
        standing.flying = standing.flying.saturating_sub(1);
    }

    /// A write was a success. True where the member had failed before.
    pub(super) fn succeeded(&mut self, chosen: Chosen) -> bool {
        let standing = &mut self.members[chosen.member];
        if standing.stretch != chosen.stretch {
            return false;
        }
        self.in_a_row = 0;
        let had_failed = standing.rests_until.take().is_some();
        if matches!(self.way, Way::Failover { .. }) {
            standing.failures = 0;
        }
        had_failed
    }

    /// A write failed. Says how long the member rests, unless an earlier write of the same stretch has said so; and whether the events can be
    /// tried elsewhere at once.
    pub(super) fn failed(&mut self, chosen: Chosen, now: Instant) -> (Option<Duration>, bool) {
        let rest = (self.members[chosen.member].stretch == chosen.stretch).then(|| self.rest(chosen.member, now));
        let may_go_on =
            self.in_a_row < self.members.len() && self.members.iter().any(|member| member.rests_until.is_none_or(|until| until <= now));
        if !may_go_on {
            self.in_a_row = 0;
        }
        (rest, may_go_on)
    }

    fn rest(&mut self, member: usize, now: Instant) -> Duration {
        self.in_a_row += 1;
        self.last_failed = member;
        let standing = &mut self.members[member];
        standing.stretch += 1;
        let longest = match &self.way {
            Way::Failover { longest, .. } => *longest,
            Way::Turns { longest, .. } => {
                let Some(longest) = *longest else { return Duration::ZERO };
                let last = doubled(standing.failures, longest);
                if standing.failed_at.is_some_and(|at| now.duration_since(at) >= last + FORGOTTEN) {
                    standing.failures = 0;
                }
                longest
            }
        };
        standing.failures = (standing.failures + 1).min(COUNTED);
        standing.failed_at = Some(now);
        let rest = doubled(standing.failures, longest);
        standing.rests_until = Some(now + rest);
        rest
    }
}

/// 1 s, doubled so often, and no longer than that.
fn doubled(times: u32, longest: Duration) -> Duration {
    (Duration::from_secs(1) * (1 << times.min(COUNTED))).min(longest)
}

fn by_priority(priorities: &BTreeMap<String, i32>, names: &[&str]) -> Vec<usize> {
    let mut unset = 0;
    let mut ranked: Vec<(i32, usize)> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let priority = priorities.get(*name).copied().unwrap_or_else(|| {
            unset -= 1;
            unset
        });
        ranked.push((priority, place));
    }
    // Stable: of two with the same number, the one that the group has first.
    ranked.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    ranked.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(priorities: &[(&str, i32)]) -> Roster {
        let priorities = priorities.iter().map(|(name, priority)| ((*name).to_owned(), *priority)).collect();
        Roster::new(&Processor::Failover { priorities, max_penalty: Duration::from_secs(30) }, &["a", "b", "c"])
    }

    fn turns(selector: Turn, backoff: bool) -> Roster {
        Roster::new(&Processor::LoadBalance { selector, backoff, max_timeout: Duration::from_secs(30) }, &["a", "b", "c"])
    }

    fn pick(roster: &mut Roster, now: Instant) -> Chosen {
        match roster.pick(now) {
            Pick::Member(chosen) => {
                roster.landed(chosen);
                chosen
            }
            other => panic!("{other:?}"),
        }
    }

    /// The next turn of this member; the others write meanwhile.
    fn turn_of(roster: &mut Roster, member: usize, now: Instant) -> Chosen {
        for _ in 0..500 {
            let chosen = pick(roster, now);
            if chosen.member == member {
                return chosen;
            }
            roster.succeeded(chosen);
        }
        panic!("it is due");
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_highest_number_goes_first_and_sinks_without_one_last_in_order() {
        let now = Instant::now();
        let mut roster = failover(&[("c", 5)]);
        for place in [2, 0, 1] {
            let chosen = pick(&mut roster, now);
            assert_eq!(chosen.member, place);
            assert_eq!(roster.failed(chosen, now), (Some(seconds(2)), place != 1));
        }
        assert_eq!(roster.pick(now), Pick::Nobody);
    }

    #[test]
    fn rests_double_to_their_longest_and_a_success_ends_them() {
        let mut now = Instant::now();
        let mut roster = failover(&[("a", 9)]);
        for rest in [2, 4, 8, 16, 30, 30] {
            let chosen = pick(&mut roster, now);
            assert_eq!(chosen.member, 0);
            assert_eq!(roster.failed(chosen, now).0, Some(seconds(rest)));
            assert_ne!(pick(&mut roster, now + seconds(rest - 1)).member, 0);
            now += seconds(rest);
        }
        let chosen = pick(&mut roster, now);
        assert!(roster.succeeded(chosen));
        let chosen = pick(&mut roster, now);
        assert_eq!(roster.failed(chosen, now).0, Some(seconds(2)));
    }

    #[test]
    fn writes_that_fail_side_by_side_are_one_failure_and_no_late_success_ends_the_rest() {
        let now = Instant::now();
        let mut roster = failover(&[]);
        let (Pick::Member(first), Pick::Member(second), Pick::Member(third)) = (roster.pick(now), roster.pick(now), roster.pick(now))
        else {
            panic!("all go to the first");
        };
        assert_eq!(roster.failed(first, now), (Some(seconds(2)), true));
        assert_eq!(roster.failed(second, now), (None, true));
        assert!(!roster.succeeded(third));
        assert_eq!(roster.pick(now), Pick::AfterFlight, "its writes are still under way");
        for chosen in [first, second, third] {
            roster.landed(chosen);
        }
        assert_eq!(pick(&mut roster, now).member, 1);
    }

    #[test]
    fn who_failed_begins_with_one_batch() {
        let now = Instant::now();
        let mut roster = failover(&[]);
        let chosen = pick(&mut roster, now);
        roster.failed(chosen, now);
        let later = now + seconds(2);
        let Pick::Member(probe) = roster.pick(later) else { panic!("it is due") };
        assert_eq!(probe.member, 0);
        assert_eq!(roster.pick(later), Pick::AfterFlight);
        roster.landed(probe);
        assert!(roster.succeeded(probe));
        assert_eq!(pick(&mut roster, later).member, 0);
    }

    #[test]
    fn turns_go_round_and_a_failure_passes_its_events_to_the_next() {
        let now = Instant::now();
        let mut roster = turns(Turn::RoundRobin, false);
        let places: Vec<usize> = (0..4).map(|_| pick(&mut roster, now).member).collect();
        assert_eq!(places, [0, 1, 2, 0]);
        let chosen = pick(&mut roster, now);
        assert_eq!(roster.failed(chosen, now), (Some(Duration::ZERO), true));
        let chosen = pick(&mut roster, now);
        assert_eq!(chosen.member, 2);
        assert_eq!(roster.failed(chosen, now), (Some(Duration::ZERO), true));
        let chosen = pick(&mut roster, now);
        assert_eq!(roster.failed(chosen, now), (Some(Duration::ZERO), false), "all have failed in a row: no haste");
    }

    #[test]
    fn with_backoff_who_failed_rests_and_an_hour_forgets() {
        let now = Instant::now();
        let mut roster = turns(Turn::Random, true);
        let chosen = pick(&mut roster, now);
        let failed = chosen.member;
        assert_eq!(roster.failed(chosen, now).0, Some(seconds(2)));
        for _ in 0..50 {
            assert_ne!(pick(&mut roster, now + seconds(1)).member, failed);
        }
        let chosen = turn_of(&mut roster, failed, now + seconds(2));
        roster.succeeded(chosen);
        assert_eq!(roster.failed(chosen, now + seconds(3)).0, Some(seconds(4)), "a success does not forget");
        let much_later = now + seconds(3 + 4 + 3600);
        let chosen = turn_of(&mut roster, failed, much_later);
        assert_eq!(roster.failed(chosen, much_later).0, Some(seconds(2)));
    }
}
