//! Marks large events: those whose body is longer than `limit` get the header `large`. An event without a body is rejected.

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict};

struct {{pascal}} {
    limit: usize,
}

impl Interceptor for {{pascal}} {
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional("limit", "bytes above which an event is marked", "100")];

    fn configure(settings: &Settings) -> Result<{{pascal}}, String> {
        Ok({{pascal}} { limit: settings.get("limit")? })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        match event.body() {
            None => return Verdict::reject("no body"),
            Some(body) if body.len() > self.limit => event.set_header("large", "yes"),
            Some(_) => {}
        }
        Verdict::Keep
    }
}

weir_interceptor::export!({{pascal}});

#[cfg(test)]
mod tests {
    use weir_interceptor::testing::{Events, Fate, Given, configure};

    use super::*;

    #[test]
    fn large_events_are_marked() {
        let mut plugin: {{pascal}} = configure(&[("limit", "4")]).unwrap();
        let judged = Events::of_bodies(["four", "and more"]).judge(&mut plugin).unwrap();
        assert_eq!(judged[0].header("large"), None);
        assert_eq!(judged[1].header("large"), Some("yes"));
    }

    #[test]
    fn an_event_without_a_body_is_rejected() {
        let mut plugin: {{pascal}} = configure(&[]).unwrap();
        let judged = Events::new([Given::default()]).judge(&mut plugin).unwrap();
        assert_eq!(judged[0].fate, Fate::Rejected("no body".into()));
    }

    #[test]
    fn a_limit_that_is_no_number_is_refused() {
        let refused = configure::<{{pascal}}>(&[("limit", "many")]).err().unwrap();
        assert!(refused.contains("`limit`"), "{refused}");
    }
}
