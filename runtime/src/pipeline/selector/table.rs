//! Routes by a header's value, and how a batch is split along them, in order.

use std::collections::HashMap;

use super::{Multiplexing, Route};
use crate::batch::Batch;
use crate::event::Event;

/// What `org.apache.flume.channel.MultiplexingChannelSelector` makes of its settings.
pub(super) struct Table {
    header: String,
    /// The first is the default.
    routes: Vec<Route>,
    /// Places in `routes` by value.
    by_value: HashMap<Vec<u8>, usize>,
}

/// A batch along its routes.
pub(super) enum Split<'a> {
    /// All its events go the same way.
    Whole(&'a Route, Batch),
    /// Events by channel, and how many have none.
    Parts { required: Vec<Vec<Event>>, optional: Vec<Vec<Event>>, discarded: u64 },
}

impl Table {
    /// `names` are the channels' in their order; a name that is none of them was refused before.
    pub(super) fn new(spec: &Multiplexing, names: &[&str]) -> Table {
        let places = |listed: &[String]| -> Vec<usize> {
            let mut places: Vec<usize> = Vec::new();
            for place in listed.iter().filter_map(|name| names.iter().position(|known| known == name)) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            places
        };
        let default = Route { required: places(spec.default.as_deref().unwrap_or_default()), optional: Vec::new() };
        let mut table = Table { header: spec.header.clone(), routes: vec![default], by_value: HashMap::new() };
        let values = spec.mappings.keys().chain(spec.optional.keys().filter(|value| !spec.mappings.contains_key(*value)));
        for value in values {
            let required = spec.mappings.get(value).map_or_else(|| table.routes[0].required.clone(), |listed| places(listed));
            let mut optional = spec.optional.get(value).map(|listed| places(listed)).unwrap_or_default();
            // What gets the event for sure does not get it twice.
            optional.retain(|place| !required.contains(place));
            table.by_value.insert(value.clone().into_bytes(), table.routes.len());
            table.routes.push(Route { required, optional });
        }
        table
    }

    /// Splits a batch of events for so many channels.
    pub(super) fn split(&self, batch: Batch, channels: usize) -> Split<'_> {
        let mut places = batch.events.iter().map(|event| self.place(event));
        let first = places.next().unwrap_or_default();
        if places.all(|place| place == first) {
            return Split::Whole(&self.routes[first], batch);
        }
        let (mut required, mut optional) = (vec![Vec::new(); channels], vec![Vec::new(); channels]);
        let mut discarded = 0;
        for event in batch.events {
            let route = &self.routes[self.place(&event)];
            for channel in &route.optional {
                optional[*channel].push(event.clone());
            }
            match route.required.split_last() {
                Some((last, others)) => {
                    others.iter().for_each(|channel| required[*channel].push(event.clone()));
                    required[*last].push(event);
                }
                None if route.optional.is_empty() => discarded += 1,
                None => {}
            }
        }
        Split::Parts { required, optional, discarded }
    }

    /// Which route an event takes: the default for a value that is missing, blank (Java's `trim`) or not mapped.
    fn place(&self, event: &Event) -> usize {
        let Some(value) = event.header(&self.header) else { return 0 };
        if value.iter().all(|byte| *byte <= b' ') {
            return 0;
        }
        self.by_value.get(&*value).copied().unwrap_or_default()
    }
}
