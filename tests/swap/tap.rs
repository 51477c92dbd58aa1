//! Listening across a swap: what is heard says which version judged it, that another took over, and how much was not shown.

use weir::control::tap::{EventView, TapItem, Text};

use super::{Scene, Setup, TARGET, swapped};
use crate::harness::turn;
use crate::harness::versions::Version;

/// Events a second that are judged, and that are shown at most to a listener in a hurry.
const PACE: u64 = 5_000;
const SHOWN: u64 = 20;

fn header<'a>(event: &'a EventView, name: &str) -> Option<&'a str> {
    let named = |(header, value): &'a (Text, Option<Text>)| match (header, value) {
        (Text::Plain(header), Some(Text::Plain(value))) if header == name => Some(value.as_str()),
        _ => None,
    };
    event.headers.iter().find_map(named)
}

#[test]
fn a_tap_goes_on_over_a_swap_and_says_so_and_counts_what_it_does_not_show() {
    let _turn = turn::shared();
    let [one, two] = [1, 2].map(Version::good);
    let scene = Scene::new("tap", &one, Setup::default());
    let agent = scene.site.start();
    let feed = scene.feed(PACE);
    scene.flows(1_000);
    let api = agent.api();
    let mut heard = api.tap(TARGET, &format!("?rate={SHOWN}")).unwrap();
    // Until something is heard, so that the swap falls into it.
    let mut items: Vec<TapItem> = heard.by_ref().take(10).collect();
    swapped(&api, &two);
    let of_two = |item: &TapItem| matches!(item, TapItem::Event(event) if event.digest.as_deref() == Some(&two.digest));
    let mut after = 0;
    for item in heard {
        after += u32::from(of_two(&item));
        items.push(item);
        if after >= 2 * SHOWN as u32 {
            break;
        }
        assert!(items.len() < 5_000, "nothing is heard of the second version");
    }

    let swaps: Vec<usize> = (0..items.len()).filter(|at| matches!(items[*at], TapItem::Swapped { .. })).collect();
    let [at] = swaps[..] else { panic!("the swap is said {} times", swaps.len()) };
    let TapItem::Swapped { from, to } = &items[at] else { unreachable!("it was found as one") };
    assert_eq!((from.as_ref().map(|from| &from.digest), &to.digest), (Some(&one.digest), &two.digest));
    let (mut shown, mut dropped) = (0, 0);
    for (place, item) in items.iter().enumerate() {
        match item {
            TapItem::Event(event) => {
                shown += 1;
                let number = if event.digest.as_deref() == Some(&one.digest) { "1" } else { "2" };
                assert_eq!(event.fate, "keep");
                assert_eq!(header(&event.before, "version"), None, "{event:?}");
                let [changed] = &event.after[..] else { panic!("{event:?}") };
                assert_eq!(header(changed, "version"), Some(number), "{event:?}");
                assert_eq!(event.before.body, changed.body);
                assert!(event.before.topic.as_deref() == Some(&scene.input.name) && event.before.offset.is_some(), "{event:?}");
                assert!(place > at || number == "1", "heard of the second version before it took over");
            }
            TapItem::Dropped { events } => dropped += events,
            TapItem::Swapped { .. } => {}
            TapItem::Ended { detail } => panic!("the tap ended: {detail}"),
        }
    }
    println!("tap: {shown} events shown, {dropped} not");
    assert!(dropped > 10 * shown, "{shown} shown, {dropped} dropped");

    // Only what was asked for.
    let some = api.tap(TARGET, "?limit=3&contains=%22id%22%3A1").unwrap();
    let found: Vec<TapItem> = some.filter(|item| matches!(item, TapItem::Event(_))).collect();
    assert_eq!(found.len(), 3);
    for item in &found {
        let TapItem::Event(event) = item else { unreachable!("others are filtered out") };
        assert!(matches!(&event.before.body, Some(Text::Plain(body)) if body.contains(r#""id":1"#)), "{event:?}");
    }

    // Whoever leaves is forgotten, and an unknown interceptor is said to be one.
    assert_eq!(api.tap("swap/nobody", "").unwrap_err().status, 404);
    let events = feed.stop();
    let (checker, _) = scene.finish(agent, events);
    println!("tap: {}", checker.report());
    checker.report().assert_exact();
}
