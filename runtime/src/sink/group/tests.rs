//! Groups over fake sinks that go away and come back, drained by the sink loop itself: nothing lost, everything in order, nobody waited for in vain.
